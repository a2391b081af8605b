/** From a request's value to an object of the right kind: strict about unknown fields as the client asks. */
import { decodeObject as decode, unknownFieldText } from "../../../api/decode.ts";
import { duplicateFieldText, type ParsedJson } from "../../../api/json.ts";
import type { KubeObject } from "../../../api/object.ts";
import { apiVersionOf } from "../../../api/resources.ts";
import { badRequest } from "../../../api/status.ts";
import type { ResourceContext } from "../context.ts";

const FIELD_VALIDATION = ["Strict", "Warn", "Ignore"] as const;
type FieldValidation = (typeof FIELD_VALIDATION)[number];

/**
 * Decodes. API version and kind may be left out; what is there must fit the path. Unknown and duplicate fields are an error
 * with `fieldValidation=Strict`, a warning by default, and nothing with `Ignore`. Kubernetes: apiserver handlers/create.go.
 */
export function decodeObject(context: ResourceContext, { value, duplicate }: ParsedJson): KubeObject {
  const { resource } = context;
  const [apiVersion, kind] = [apiVersionOf(resource), resource.kind];
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest(`the object provided is unrecognized (must be of type ${kind}): the body is not an object`);
  }
  const given = value as { readonly apiVersion?: unknown; readonly kind?: unknown };
  if (given.apiVersion && given.apiVersion !== apiVersion) {
    throw badRequest(
      `the API version in the data (${shown(given.apiVersion)}) does not match the expected API version (${apiVersion})`,
    );
  }
  if (given.kind && given.kind !== kind) {
    throw badRequest(`${shown(given.kind)} in version "${apiVersion}" cannot be handled as a ${kind}`);
  }
  const validation = fieldValidation(context);
  const { object, unknown } = decode({ metadata: {}, ...value, apiVersion, kind });
  const findings = [...unknown.map(unknownFieldText), ...duplicate.map(duplicateFieldText)];
  if (findings.length > 0 && validation === "Strict") {
    throw badRequest(
      `${kind} in version "${resource.version}" cannot be handled as a ${kind}: strict decoding error: ${findings.join(", ")}`,
    );
  }
  if (validation === "Warn") context.warnings.push(...findings);
  return object;
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function fieldValidation({ query }: ResourceContext): FieldValidation {
  const text = query.get("fieldValidation") ?? "";
  if (text === "") return "Warn";
  const known = FIELD_VALIDATION.find((each) => each === text);
  if (known) return known;
  throw badRequest(`fieldValidation: Unsupported value: "${text}": supported values: "Ignore", "Strict", "Warn"`);
}

/** True when the client only wants to know what would happen. */
export function isDryRun({ query }: ResourceContext): boolean {
  const values = query.getAll("dryRun").filter((value) => value !== "");
  if (values.length === 0) return false;
  if (values.every((value) => value === "All")) return true;
  throw badRequest(`dryRun: Unsupported value: "${values.find((value) => value !== "All")}": supported values: "All"`);
}
