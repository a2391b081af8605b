/** Flags that select objects, and the names they select. */
import type { Client } from "../sdk/client.ts";
import type { ListOptions } from "../sdk/resource.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./exit.ts";
import { namespaceOf, textFlag } from "./flags.ts";
import { namespaceFor, readManifests } from "./manifests.ts";
import { type Target, targetsOf } from "./targets.ts";

export const selectorFlags = {
  selector: textFlag("Label selector, such as app=web,tier!=test", "labels"),
  fieldSelector: textFlag("Field selector, such as status.phase=Running", "fields"),
} as const;

export interface SelectorFlags {
  readonly selector: string | undefined;
  readonly fieldSelector: string | undefined;
}

export interface SelectionFlags extends SelectorFlags {
  readonly filename: readonly string[] | undefined;
  readonly namespace: string | undefined;
  readonly allNamespaces: boolean;
  readonly all: boolean;
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

/** What a command is told to work on: the objects of files, or those that its arguments name or select. */
export async function selection(
  context: CliContext,
  client: Client,
  flags: SelectionFlags,
  args: readonly string[],
): Promise<Selected[]> {
  const files = flags.filename ?? [];
  if (files.length > 0) {
    if (args.length > 0) throw new UsageError("use either -f or names, not both");
    const manifests = await readManifests(files, context.stdin, { mayBeEmpty: true });
    return manifests.map((manifest) => ({
      type: manifest.type,
      name: manifest.object.metadata.name ?? "",
      namespace: namespaceFor(manifest, flags.namespace),
      source: manifest.source,
    }));
  }
  const targets = targetsOf(args);
  const selects = flags.all || flags.selector !== undefined || flags.fieldSelector !== undefined;
  if (targets.some((target) => target.name === undefined) && !selects) {
    throw new UsageError("resource(s) were provided, but no name was specified; name them, or use a selector or --all");
  }
  if (targets.some((target) => target.name !== undefined) && selects)
    throw new UsageError("name cannot be provided when a selector is specified");
  const namespace = flags.allNamespaces ? undefined : namespaceOf(flags);
  return await select(client, targets, { ...listOptionsOf(flags), namespace });
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
