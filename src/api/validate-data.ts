/** ConfigMaps and Secrets. */
import { base64Length, bytesOfBase64 } from "./base64.ts";
import { equalJson } from "./equal.ts";
import { type FieldError, forbidden, invalid, required, tooLong } from "./field-error.ts";
import type { ConfigMap, Secret } from "./gen/types.ts";
import { configKeyFaults } from "./names.ts";
import { byteLength, faults } from "./validate-meta.ts";

/** All values of one object together. */
const DATA_MAX_BYTES = 1024 * 1024;

export function* validateConfigMap({ data = {}, binaryData = {} }: ConfigMap): Generator<FieldError> {
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    yield* faults(`data[${key}]`, key, configKeyFaults(key));
    if (Object.hasOwn(binaryData, key)) yield invalid(`data[${key}]`, key, "duplicate of key present in binaryData");
    size += byteLength(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    yield* faults(`binaryData[${key}]`, key, configKeyFaults(key));
    size += base64Length(value);
  }
  if (size > DATA_MAX_BYTES) yield tooLong("", DATA_MAX_BYTES);
}

/** Keys that a Secret of a known type must have. */
const SECRET_KEYS: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
};

export function* validateSecret({ data = {}, type = "" }: Secret): Generator<FieldError> {
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    yield* faults(`data[${key}]`, key, configKeyFaults(key));
    size += base64Length(value);
  }
  if (size > DATA_MAX_BYTES) yield tooLong("data", DATA_MAX_BYTES);
  const keys = Object.hasOwn(SECRET_KEYS, type) ? SECRET_KEYS[type]! : [];
  for (const key of keys) if (data[key] === undefined) yield required(`data[${key}]`);
  if (type === "kubernetes.io/basic-auth" && data["username"] === undefined && data["password"] === undefined) {
    yield required("data[username]");
    yield required("data[password]");
  }
  const [key] = keys;
  if (type.startsWith("kubernetes.io/dockerc") && key !== undefined && data[key] !== undefined && !isJson(data[key])) {
    yield invalid(`data[${key}]`, "<secret contents redacted>", "must be a JSON object");
  }
}

function isJson(base64: string): boolean {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytesOfBase64(base64)));
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}

/** `immutable: true` freezes the data and itself; a Secret's type never changes. */
export function* validateDataUpdate(next: ConfigMap | Secret, previous: ConfigMap | Secret): Generator<FieldError> {
  if (next["type"] !== previous["type"]) yield invalid("type", next["type"] ?? "", "field is immutable");
  if (!previous.immutable) return;
  const why = "field is immutable when `immutable` is set";
  if (!next.immutable) yield forbidden("immutable", why);
  for (const field of ["data", "binaryData"] as const) {
    if (!equalJson(next[field] ?? {}, previous[field] ?? {})) yield forbidden(field, why);
  }
}
