/** Flags that select objects, and the names they select. */
import type { Client } from "../sdk/client.ts";
import type { ListOptions } from "../sdk/resource.ts";
import { textFlag } from "./flags.ts";
import type { Target } from "./targets.ts";

export const selectorFlags = {
  selector: textFlag("Label selector, such as app=web,tier!=test", "labels"),
  fieldSelector: textFlag("Field selector, such as status.phase=Running", "fields"),
} as const;

export interface SelectorFlags {
  readonly selector: string | undefined;
  readonly fieldSelector: string | undefined;
}

/** The list options of the flags. */
export function listOptionsOf(flags: SelectorFlags): ListOptions {
  return {
    ...(flags.selector === undefined ? {} : { labelSelector: flags.selector }),
    ...(flags.fieldSelector === undefined ? {} : { fieldSelector: flags.fieldSelector }),
  };
}

/** A target with a name and its place. */
export interface Selected {
  readonly type: Target["type"];
  readonly name: string;
  readonly namespace: string | undefined;
  readonly uid?: string;
  /** The file that names it. */
  readonly source?: string;
}

/** Every object that the targets name or select. `namespace` undefined: of all namespaces. */
export async function select(
  client: Client,
  targets: readonly Target[],
  options: ListOptions & { readonly namespace: string | undefined },
): Promise<Selected[]> {
  const { namespace, ...list } = options;
  const groups = await Promise.all(
    targets.map(async ({ type, name }): Promise<Selected[]> => {
      const scope = type.namespaced ? namespace : undefined;
      if (name !== undefined)
        return [{ type, name, namespace: type.namespaced ? (namespace ?? "default") : undefined }];
      const { items } = await client.resource(type, scope).list(list);
      return items.map(({ metadata }) => ({
        type,
        name: metadata.name ?? "",
        namespace: metadata.namespace,
        ...(metadata.uid === undefined ? {} : { uid: metadata.uid }),
      }));
    }),
  );
  return groups.flat();
}
