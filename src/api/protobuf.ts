/**
 * Reads Kubernetes' protobuf encoding (media type application/vnd.kubernetes.protobuf) as the JSON that it stands for:
 * kubectl 1.32 and later send it. Nobody needs to be sent it: clients that prefer it accept JSON.
 * Kubernetes: apimachinery/pkg/runtime/serializer/protobuf; the wire format: protobuf.dev/programming-guides/encoding.
 */
import { assign } from "./assign.ts";
import { base64OfBytes } from "./base64.ts";
import { PROTOBUF } from "./gen/protobuf.ts";
import { SCHEMA } from "./gen/schema.ts";
import type { ProtobufFields } from "./protobuf-fields.ts";
import type { SchemaField } from "./schema.ts";
import { badRequest } from "./status.ts";

/** Stands before every message. */
const MAGIC = "k8s\0";
/** The envelope (runtime.Unknown): its fields by number. */
const TYPE_META = 1;
const RAW = 2;

type Json = Record<string, unknown>;

/** The object in a request's body. Throws `InvalidArgument` (400) for what is none. */
export function parseProtobuf(bytes: Uint8Array): Json {
  if (text(bytes.subarray(0, 4)) !== MAGIC) {
    throw badRequest("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  }
  let raw: Uint8Array = new Uint8Array();
  let [apiVersion, kind] = ["", ""];
  for (const { number, value } of wireFields(bytes.subarray(4))) {
    if (number === RAW) raw = bytesOf(value);
    if (number !== TYPE_META) continue;
    for (const each of wireFields(bytesOf(value))) {
      if (each.number === 1) apiVersion = text(bytesOf(each.value));
      if (each.number === 2) kind = text(bytesOf(each.value));
    }
  }
  const definition = definitionOf(apiVersion, kind);
  if (definition === undefined) throw badRequest(`no kind "${kind}" is registered for version "${apiVersion}"`);
  return { apiVersion, kind, ...readMessage(raw, definition) };
}

function definitionOf(apiVersion: string, kind: string): string | undefined {
  // Of the version of what is deleted.
  if (kind === "DeleteOptions") return "meta.v1.DeleteOptions";
  const [version, group = ""] = apiVersion.split("/").toReversed();
  for (const [name, { gvk }] of Object.entries(SCHEMA)) {
    if (gvk?.kind === kind && gvk.version === version && gvk.group === group) return name;
  }
  return undefined;
}

type WireValue = bigint | Uint8Array;

/** The fields of a message in their order. */
function* wireFields(bytes: Uint8Array): Generator<{ readonly number: number; readonly value: WireValue }> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
    throw broken("a number does not end");
  };
  const take = (length: number): Uint8Array => {
    if (length < 0 || at + length > bytes.length) throw broken("unexpected EOF");
    return bytes.subarray(at, (at += length));
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const number = key >>> 3;
    switch (key & 7) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: take(8) };
        break;
      case 2:
        yield { number, value: take(Number(varint())) };
        break;
      case 5:
        yield { number, value: take(4) };
        break;
      default:
        throw broken(`wire type ${key & 7}`);
    }
  }
}

function readMessage(bytes: Uint8Array, definition: string): Json {
  const object: Json = {};
  readInto(object, bytes, PROTOBUF[definition] ?? {}, SCHEMA[definition]?.fields ?? {});
  return object;
}

function readInto(
  object: Json,
  bytes: Uint8Array,
  numbers: ProtobufFields,
  fields: Readonly<Record<string, SchemaField>>,
): void {
  for (const { number, value } of wireFields(bytes)) {
    const name = numbers[number];
    if (typeof name === "object") readInto(object, bytesOf(value), name, fields);
    if (typeof name !== "string") continue;
    const field = name.endsWith("?") ? name.slice(0, -1) : name;
    const schema = fields[field];
    if (!schema) continue;
    const read = readField(value, schema, object[field]);
    if (read === undefined || (name !== field && isZero(read))) continue;
    assign(object, field, read);
  }
}

/** What a field holds after `before`: lists and maps come piece by piece. Undefined when it is not set. */
function readField(value: WireValue, schema: SchemaField, before: unknown): unknown {
  if (schema.type === "array") {
    const list = (before ?? []) as unknown[];
    if (isPacked(value, schema.items!)) list.push(...packed(value as Uint8Array));
    else list.push(readValue(value, schema.items!));
    return list;
  }
  if (schema.type === "map") {
    const map = (before ?? {}) as Json;
    const [key, entry] = readEntry(bytesOf(value), schema.values!);
    assign(map, key, entry);
    return map;
  }
  return readValue(value, schema);
}

function readEntry(bytes: Uint8Array, values: SchemaField): readonly [string, unknown] {
  let key = "";
  let value: WireValue = new Uint8Array();
  for (const field of wireFields(bytes)) {
    if (field.number === 1) key = text(bytesOf(field.value));
    if (field.number === 2) value = field.value;
  }
  if (values.type !== "array") return [key, readValue(value, values)];
  // A map can not hold lists: each stands in a message of its own.
  return [key, [...wireFields(bytesOf(value))].map((item) => readValue(item.value, values.items!))];
}

function readValue(value: WireValue, schema: SchemaField): unknown {
  if (schema.ref !== undefined) {
    const special = SPECIAL[schema.ref];
    return special ? special(bytesOf(value)) : readMessage(bytesOf(value), schema.ref);
  }
  switch (schema.type) {
    case "boolean":
      return value !== 0n;
    case "integer":
      return Number(numberOf(value));
    case "string":
      return schema.format === "byte" ? base64OfBytes(bytesOf(value)) : text(bytesOf(value));
    default:
      throw broken(`a field of type ${schema.type ?? "unknown"} is not supported; send JSON`);
  }
}

/** Types that are no objects in JSON. */
const SPECIAL: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
  "meta.v1.Time": (bytes) => timeOf(bytes)?.replace(/\.\d+Z$/, "Z"),
  "meta.v1.MicroTime": (bytes) => timeOf(bytes),
  "api.resource.Quantity": (bytes) => text(bytesOf(numbered(bytes).get(1) ?? new Uint8Array())),
  "util.intstr.IntOrString": (bytes) => {
    const parts = numbered(bytes);
    return parts.get(1) === 1n ? text(bytesOf(parts.get(3) ?? new Uint8Array())) : Number(numberOf(parts.get(2) ?? 0n));
  },
  "meta.v1.FieldsV1": rawJson,
  "runtime.RawExtension": rawJson,
};

function numbered(bytes: Uint8Array): ReadonlyMap<number, WireValue> {
  return new Map([...wireFields(bytes)].map(({ number, value }) => [number, value]));
}

/** RFC 3339 with microseconds; undefined for the time that is not set. */
function timeOf(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  const parts = numbered(bytes);
  const ms = Number(numberOf(parts.get(1) ?? 0n)) * 1000;
  if (Math.abs(ms) > 8.64e15) throw broken("a time is out of range");
  const micros = Math.floor(Number(numberOf(parts.get(2) ?? 0n)) / 1000);
  return `${new Date(ms).toISOString().slice(0, 19)}.${String(micros).padStart(6, "0")}Z`;
}

function rawJson(bytes: Uint8Array): unknown {
  const raw = text(bytesOf(numbered(bytes).get(1) ?? new Uint8Array()));
  if (raw === "") return undefined;
  try {
    return JSON.parse(raw);
  } catch {
    throw broken("embedded JSON is not JSON");
  }
}

function isPacked(value: WireValue, items: SchemaField): boolean {
  return typeof value !== "bigint" && items.type === "integer";
}

function packed(bytes: Uint8Array): number[] {
  // A field of number 0 before each: what is packed has no keys.
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length;) {
    let end = at;
    while ((bytes[end] ?? 0) >= 0x80) end++;
    const [field] = wireFields(Uint8Array.of(8, ...bytes.subarray(at, end + 1)));
    numbers.push(Number(numberOf(field!.value)));
    at = end + 1;
  }
  return numbers;
}

function isZero(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === "" || value === 0 || value === false;
}

function numberOf(value: WireValue): bigint {
  if (typeof value === "bigint") return value;
  throw broken("a number is expected");
}

function bytesOf(value: WireValue): Uint8Array {
  if (typeof value !== "bigint") return value;
  throw broken("bytes are expected");
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function broken(why: string): Error {
  return badRequest(`the body is no Kubernetes protobuf message: ${why}`);
}
