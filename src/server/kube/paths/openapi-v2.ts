/**
 * OpenAPI v2 as far as kubectl 1.27 and 1.28 need it before they create or apply: that the server validates
 * (`fieldValidation` on the PATCH of each kind). They take it only as protobuf (gnostic's OpenAPIv2.proto) and know the fields
 * of the built-in kinds themselves; newer ones read v3. Kubernetes: cli-runtime pkg/resource/query_param_verifier.go.
 */
import { RESOURCES } from "../../../api/resources.ts";
import type { Resource } from "../../../api/resources.ts";
import { VERSION } from "../../../base/version.ts";
import type { RequestContext } from "../context.ts";
import { sendBytes } from "../respond.ts";

/** As Kubernetes answers; what clients ask for has an `@` in it, which is no media type. */
const TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/** A field of a message: text, or a message of its own. */
type Field = readonly [number: number, value: string | Buffer];

export function openapiV2(context: RequestContext): void {
  sendBytes(context, 200, document(), TYPE);
}

/** Document, Info, Paths and NamedPathItem of the .proto file. */
function document(): Buffer {
  const items = RESOURCES.filter(({ verbs }) => verbs.includes("patch")).map((resource): Field => [
    2,
    pathItem(resource),
  ]);
  return message([1, "2.0"], [2, message([1, "Minke"], [2, VERSION])], [8, message(...items)]);
}

function pathItem({ group, version, kind, plural, namespaced }: Resource): Buffer {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const path = `${root}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}/{name}`;
  // ParametersItem > Parameter > NonBodyParameter > QueryParameterSubSchema
  const query = message([2, "query"], [4, "fieldValidation"], [6, "string"]);
  const parameter = message([1, message([2, message([3, query])])]);
  const kindOf = JSON.stringify({ group, kind, version });
  const extension = message([1, "x-kubernetes-group-version-kind"], [2, message([2, kindOf])]);
  const patch = message([5, `patch ${plural}`], [8, parameter], [13, extension]);
  return message([1, path], [2, message([8, patch])]);
}

function message(...fields: readonly Field[]): Buffer {
  const parts = fields.flatMap(([number, value]) => {
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    return [varint((number << 3) | 2), varint(bytes.length), bytes];
  });
  return Buffer.concat(parts);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}
