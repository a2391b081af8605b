import type { ResourceContext } from "../context.ts";
import { sendList } from "../respond.ts";
import { readDeleteOptions, removeObject } from "./delete.ts";
import { requireListOptions, selectorOf } from "./list-options.ts";
import { selected } from "./list.ts";

/** DELETE of all objects that the namespace and selectors leave; answers with what was marked or removed. */
export async function deleteCollection(context: ResourceContext): Promise<void> {
  const { node, resource } = context;
  requireListOptions(context);
  const selector = selectorOf(context);
  const options = await readDeleteOptions(context);
  const items = selected(context, selector).items.map((stored) => removeObject(node, resource, stored, options).object);
  await sendList(context, items, { resourceVersion: node.store.version() });
}
