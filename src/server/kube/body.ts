/** Reads request bodies, with a limit. */
import type { IncomingMessage } from "node:http";

import { type ParsedJson, parseJson } from "../../api/json.ts";
import { badRequest } from "../../api/status.ts";
import { tooLarge, unsupportedMediaType } from "./errors.ts";

/** As the Kubernetes API server has it. */
export const BODY_MAX_BYTES = 3 * 1024 * 1024;

/** The whole body as text. Rejects when it is longer than {@link BODY_MAX_BYTES}. */
export async function readBody(request: IncomingMessage): Promise<string> {
  return (await readBytes(request)).toString("utf8");
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_MAX_BYTES) throw tooLarge(BODY_MAX_BYTES);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The media type of a request's body, in lower case and without parameters; empty when there is none. */
export function mediaTypeOf(request: IncomingMessage): string {
  return (request.headers["content-type"] ?? "").split(";", 1)[0]!.trim().toLowerCase();
}

/** A body that must be there. */
export async function requireValue(request: IncomingMessage): Promise<ParsedJson> {
  const parsed = await readValue(request);
  if (parsed === undefined) throw badRequest("no body was sent: an object is expected");
  return parsed;
}

const PROTOBUF = "application/vnd.kubernetes.protobuf";

/** A JSON, YAML or protobuf body as a value, with what stands in it twice; undefined when the body is empty. */
export async function readValue(request: IncomingMessage): Promise<ParsedJson | undefined> {
  const type = mediaTypeOf(request);
  const bytes = await readBytes(request);
  if (type === PROTOBUF) return bytes.length === 0 ? undefined : await parseProtobufBody(bytes);
  const text = bytes.toString("utf8");
  if (text.trim() === "") return undefined;
  // No type at all means JSON, and so does what `curl -d` says by itself.
  if (type === "" || type === "application/json" || type === "application/x-www-form-urlencoded")
    return parseJson(text);
  if (type === "application/yaml" || type === "text/yaml") return parseYaml(text);
  throw unsupportedMediaType(["application/json", "application/yaml", PROTOBUF]);
}

/** What kubectl sends since 1.32. The numbers of all fields are loaded when first needed. */
async function parseProtobufBody(bytes: Uint8Array): Promise<ParsedJson> {
  const { parseProtobuf } = await import("../../api/protobuf.ts");
  return { value: parseProtobuf(bytes), duplicate: [] };
}

/** The one object of a YAML body, in which a field that stands twice is an error. The parser is loaded when first needed. */
async function parseYaml(text: string): Promise<ParsedJson> {
  const { parseManifests } = await import("../../api/yaml.ts");
  const manifests = parseManifests(text, { source: "request body" });
  if (manifests.length !== 1) {
    throw badRequest(`Cannot read the request's body: it holds ${manifests.length} YAML documents; send one at a time`);
  }
  return { value: manifests[0]!.object, duplicate: [] };
}
