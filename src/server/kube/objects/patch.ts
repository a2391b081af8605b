/** PATCH: JSON merge patch and strategic merge patch onto the stored object, then as an update. */
import type { KubeObject } from "../../../api/object.ts";
import { mergePatch } from "../../../api/patch.ts";
import { strategicMerge } from "../../../api/strategic-merge.ts";
import { badRequest } from "../../../api/status.ts";
import { parseJson } from "../../../api/json.ts";
import { mediaTypeOf, readBody } from "../body.ts";
import type { ResourceContext } from "../context.ts";
import { unsupportedMediaType } from "../errors.ts";
import { sendObject } from "../respond.ts";
import { decodeObject } from "./decode-object.ts";
import { storedObject } from "./get.ts";
import { replaceObject } from "./update.ts";

type Patcher = (object: KubeObject, patch: Readonly<Record<string, unknown>>, definition: string) => unknown;

const PATCHERS: Readonly<Record<string, Patcher>> = {
  "application/merge-patch+json": (object, patch) => mergePatch(object, patch),
  "application/strategic-merge-patch+json": (object, patch, definition) => strategicMerge(object, patch, definition),
};

export async function patchObject(context: ResourceContext): Promise<void> {
  const type = mediaTypeOf(context.request);
  const patcher = Object.hasOwn(PATCHERS, type) ? PATCHERS[type] : undefined;
  if (!patcher) throw unsupportedMediaType(type, Object.keys(PATCHERS));
  const { value: patch, duplicate } = parseJson(await readBody(context.request));
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) {
    throw badRequest("Cannot apply the patch: it must be an object");
  }
  // From here on nothing waits, so nobody can change the object between its reading and its writing.
  const stored = storedObject(context);
  const patched = patcher(stored, patch as Readonly<Record<string, unknown>>, context.resource.definition);
  sendObject(context, 200, replaceObject(context, stored, decodeObject(context, { value: patched, duplicate })));
}
