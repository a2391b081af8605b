/** From a request's value to an object of the right kind: strict about unknown fields as the client asks. */
import { decode as decodeFields, decodeObject as decode, unknownFieldText } from "../../../api/decode.ts";
import { invalid } from "../../../api/field-error.ts";
import { duplicateFieldText, type ParsedJson } from "../../../api/json.ts";
import type { KubeObject } from "../../../api/object.ts";
import { isRecord } from "../../../api/record.ts";
import { apiVersionOf } from "../../../api/resources.ts";
import { badRequest, invalidObject } from "../../../api/status.ts";
import { isMinkeError } from "../../../base/errors.ts";
import type { ResourceContext } from "../context.ts";
import { fieldValidation } from "./write-options.ts";

/**
 * Decodes. API version and kind may be left out; what is there must fit the path. Unknown and duplicate fields are an error
 * with `fieldValidation=Strict`, a warning by default, and nothing with `Ignore`. Kubernetes: apiserver handlers/create.go.
 */
export function decodeObject(context: ResourceContext, { value, duplicate }: ParsedJson): KubeObject {
  const { kind, version } = context.resource;
  const { object, unknown } = decodeAs(context, value);
  report(context, [...unknown.map(unknownFieldText), ...duplicate.map(duplicateFieldText)], (strict) =>
    badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${strict}`),
  );
  return object;
}

/** A document that is not an object of the resource's own kind. */
interface DocumentKind {
  /** In the schema table. */
  readonly definition: string;
  readonly kind: string;
  /** Those that are taken; the first is the one that is served. */
  readonly apiVersions: readonly [string, ...string[]];
}

/** As {@link decodeObject}, for what a subresource is sent: version and kind may be left out, what is there must be right. */
export function decodeDocument(
  context: ResourceContext,
  { value, duplicate }: ParsedJson,
  { definition, kind, apiVersions }: DocumentKind,
): Readonly<Record<string, unknown>> {
  const { apiVersion = apiVersions[0], kind: own = kind } = isRecord(value) ? value : {};
  if (own !== kind || !apiVersions.includes(apiVersion as string)) {
    throw badRequest(`${shown(own)} in version "${shown(apiVersion)}" cannot be handled as a ${kind}`);
  }
  const { object, unknown } = decodeFields(value, definition);
  report(context, [...unknown.map(unknownFieldText), ...duplicate.map(duplicateFieldText)], (strict) =>
    badRequest(`${kind} in version "${apiVersions[0]}" cannot be handled as a ${kind}: ${strict}`),
  );
  return object;
}

/** What a patch's sender said. */
interface PatchSaid {
  readonly text: string;
  /** What is odd about the patch itself. */
  readonly findings: readonly string[];
}

/** Decodes what a patch has made. What does not decode is the patch's fault: `Invalid` (422) and not a bad request. */
export function decodePatched(context: ResourceContext, value: unknown, { text, findings }: PatchSaid): KubeObject {
  // A Secret's patch stays out of messages, and so out of logs.
  const quoted = context.resource.kind === "Secret" ? "" : text;
  const atFault = (why: string) => invalidObject("", "", [invalid("patch", quoted, why)]);
  let decoded: ReturnType<typeof decodeAs>;
  try {
    decoded = decodeAs(context, value);
  } catch (error) {
    if (!isMinkeError(error, "InvalidArgument")) throw error;
    throw atFault(error.message);
  }
  report(context, [...findings, ...decoded.unknown.map(unknownFieldText)], atFault);
  return decoded.object;
}

function decodeAs({ resource }: ResourceContext, value: unknown): ReturnType<typeof decode> {
  const [apiVersion, kind] = [apiVersionOf(resource), resource.kind];
  if (!isRecord(value)) {
    throw badRequest(`the object provided is unrecognized (must be of type ${kind}): the body is not an object`);
  }
  if (value["apiVersion"] && value["apiVersion"] !== apiVersion) {
    throw badRequest(
      `the API version in the data (${shown(value["apiVersion"])}) does not match the expected API version (${apiVersion})`,
    );
  }
  if (value["kind"] && value["kind"] !== kind) {
    throw badRequest(`${shown(value["kind"])} in version "${apiVersion}" cannot be handled as a ${kind}`);
  }
  return decode({ metadata: {}, ...value, apiVersion, kind });
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Refuses, warns of or passes over the findings, as the client asks. */
function report(context: ResourceContext, findings: readonly string[], refusal: (why: string) => Error): void {
  if (findings.length === 0) return;
  const validation = fieldValidation(context);
  if (validation === "Strict") throw refusal(`strict decoding error: ${findings.join(", ")}`);
  if (validation === "Warn") context.warnings.push(...findings);
}
