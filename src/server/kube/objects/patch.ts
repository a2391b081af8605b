/**
 * PATCH: a JSON patch, a JSON merge patch or a strategic merge patch onto the stored object, then as an update; or an apply.
 * Kubernetes: apiserver endpoints/handlers/patch.go.
 */
import { parseJson } from "../../../api/json.ts";
import type { ParsedJson } from "../../../api/json.ts";
import { jsonPatchOf, unknownMembers } from "../../../api/json-patch.ts";
import type { KubeObject } from "../../../api/object.ts";
import { mergePatch } from "../../../api/patch.ts";
import { isRecord } from "../../../api/record.ts";
import { strategicMerge } from "../../../api/strategic-merge.ts";
import { badRequest } from "../../../api/status.ts";
import { isMinkeError } from "../../../base/errors.ts";
import { mediaTypeOf, readBody } from "../body.ts";
import type { ResourceContext } from "../context.ts";
import { unsupportedMediaType } from "../errors.ts";
import { sendObject } from "../respond.ts";
import { APPLY_PATCH, applyObject } from "./apply.ts";
import { decodePatched } from "./decode-object.ts";
import { storedObject } from "./get.ts";
import { replaceObject } from "./update.ts";
import { requireWriteOptions } from "./write-options.ts";

interface PatchForm {
  /** The patched copy. Throws `InvalidArgument`. */
  apply(object: KubeObject, patch: unknown, definition: string): unknown;
  /** What the patch says twice, or says and nobody reads, in Kubernetes' words. */
  findings(patch: ParsedJson): readonly string[];
}

const duplicates = ({ duplicate }: ParsedJson): readonly string[] =>
  duplicate.map((path) => `duplicate field ${JSON.stringify(path)}`);

const FORMS: Readonly<Record<string, PatchForm>> = {
  "application/json-patch+json": {
    apply: (object, patch) => jsonPatchOf(object, patch),
    findings: (patch) =>
      [...unknownMembers(patch.value).map((path) => `unknown field ${JSON.stringify(path)}`), ...duplicates(patch)].map(
        (text) => `json patch ${text}`,
      ),
  },
  "application/merge-patch+json": {
    apply(object, patch) {
      if (!isRecord(patch)) throw badRequest("Invalid JSON Patch");
      return mergePatch(object, patch);
    },
    findings: duplicates,
  },
  "application/strategic-merge-patch+json": {
    apply: (object, patch, definition) => strategicMerge(object, patch, definition),
    findings: duplicates,
  },
};

export async function patchObject(context: ResourceContext): Promise<void> {
  const type = mediaTypeOf(context.request);
  if (type === APPLY_PATCH) return applyObject(context);
  const form = Object.hasOwn(FORMS, type) ? FORMS[type] : undefined;
  if (!form) throw unsupportedMediaType([...Object.keys(FORMS), APPLY_PATCH]);
  const text = await readBody(context.request);
  requireWriteOptions(context, "Patch");
  const patch = parsePatch(text);
  // From here on nothing waits: nobody can change the object between its reading and its writing, so there is no conflict
  // after which the patch would have to be tried again.
  const stored = storedObject(context);
  const value = form.apply(stored, patch.value, context.resource.definition);
  const given = decodePatched(context, value, { text, findings: form.findings(patch) });
  await sendObject(context, 200, replaceObject(context, stored, given));
}

function parsePatch(text: string): ParsedJson {
  try {
    return parseJson(text);
  } catch (error) {
    if (!isMinkeError(error)) throw error;
    throw badRequest(`error decoding patch: ${error.message}`);
  }
}
