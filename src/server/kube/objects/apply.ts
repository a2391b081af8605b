/** PATCH with `application/apply-patch+yaml`: server-side apply. Kubernetes: apiserver endpoints/handlers/patch.go. */
import { applyConfig } from "../../../api/apply/apply.ts";
import { duplicateFieldText, parseJson } from "../../../api/json.ts";
import type { KubeObject } from "../../../api/object.ts";
import { isRecord } from "../../../api/record.ts";
import { apiVersionOf, resourceNameOf } from "../../../api/resources.ts";
import { badRequest, conflict, notFound } from "../../../api/status.ts";
import { isMinkeError } from "../../../base/errors.ts";
import { readBody } from "../body.ts";
import { authorize } from "../auth/authorize.ts";
import type { ResourceContext } from "../context.ts";
import { sendObject } from "../respond.ts";
import { storeNew } from "./create.ts";
import { decodePatched } from "./decode-object.ts";
import { writeOf } from "./managed-fields.ts";
import { replaceObject } from "./update.ts";
import { fieldValidation, isDryRun, isForced, requireWriteOptions } from "./write-options.ts";

export const APPLY_PATCH = "application/apply-patch+yaml";

export async function applyObject(context: ResourceContext): Promise<void> {
  const { node, resource, info } = context;
  const text = await readBody(context.request);
  requireWriteOptions(context, "Apply");
  const config = requireConfig(context, await parseConfig(context, text));
  // From here on nothing waits, so nobody can change the object between its reading and its writing.
  const live = node.store.get({ resource: resourceNameOf(resource), namespace: info.namespace, name: info.name });
  if (!live) requireCreatable(context, config);
  const { object, managedFields } = applyConfig(live, config, { ...writeOf(context), force: isForced(context) });
  const given = decodePatched(context, object, { text, findings: [] });
  if (live) return await sendObject(context, 200, replaceObject(context, live, given, managedFields));
  await sendObject(context, 201, storeNew(context, given, isDryRun(context), managedFields));
}

/** YAML, of which JSON is a part. */
async function parseConfig(context: ResourceContext, text: string): Promise<unknown> {
  try {
    if (!text.trimStart().startsWith("{")) {
      const { parseManifests } = await import("../../../api/yaml.ts");
      const manifests = parseManifests(text, { source: "patch" });
      if (manifests.length !== 1) throw badRequest(`expected one document, got ${manifests.length}`);
      return manifests[0]!.object;
    }
    const { value, duplicate } = parseJson(text);
    reportDuplicates(context, duplicate.map(duplicateFieldText));
    return value;
  } catch (error) {
    if (!isMinkeError(error) || error.message.startsWith("error strict")) throw error;
    throw badRequest(`error decoding patch: ${error.message}`);
  }
}

function reportDuplicates(context: ResourceContext, findings: readonly string[]): void {
  const validation = findings.length === 0 ? "Ignore" : fieldValidation(context);
  if (validation === "Strict") throw badRequest(`error strict decoding patch: ${findings.join(", ")}`);
  if (validation === "Warn") context.warnings.push(...findings);
}

function requireConfig({ resource }: ResourceContext, value: unknown): KubeObject {
  if (!isRecord(value)) throw badRequest("error decoding patch: an object is expected");
  const { apiVersion = "", kind = "", metadata = {} } = value;
  if (kind !== resource.kind || apiVersion !== apiVersionOf(resource)) {
    throw badRequest(`invalid object type: ${shown(apiVersion)}, Kind=${shown(kind)}`);
  }
  if (!isRecord(metadata)) throw badRequest("error decoding patch: metadata must be an object");
  if (metadata["managedFields"] !== undefined && metadata["managedFields"] !== null) {
    throw badRequest("metadata.managedFields must be nil");
  }
  return { ...value, metadata } as unknown as KubeObject;
}

/** `/v1` for the core group, as Go prints a group and version. */
function shown(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.includes("/") || !/^v\d/.test(text) ? text : `/${text}`;
}

/** What does not exist is made, if the user may create too, but not from below, and not as another than was meant. */
function requireCreatable({ node, user, resource, info }: ResourceContext, { metadata }: KubeObject): void {
  const { name, uid } = metadata;
  if (info.subresource !== "" || !resource.verbs.includes("create")) throw notFound(resource, info.name);
  authorize(node.store, user, { ...info, verb: "create" });
  if (uid) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(resource, info.name, why);
  }
  if (name === info.name) return;
  throw badRequest(
    name
      ? `the name of the object (${name}) does not match the name on the URL (${info.name})`
      : `the name of the object (${info.name} based on URL) was undeterminable: name must be provided`,
  );
}
