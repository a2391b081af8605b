/** Checks of a request's fields. A field that is not as it must be is an `InvalidArgument` that names it as the .proto does. */
import type { DescEnum } from "@bufbuild/protobuf";

import { MinkeError } from "../../base/errors.ts";

/** The error of a field whose value can not be used. */
export function invalid(field: string, value: unknown, why: string): MinkeError {
  const text = JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? String(each) : each));
  return new MinkeError("InvalidArgument", `Cannot use ${field} ${text}: ${why}`, { details: { field } });
}

/** The error of something that this version does not offer. */
export function unsupported(field: string, remedy: string): MinkeError {
  return new MinkeError("Unimplemented", `Cannot use ${field}: it is not supported; ${remedy}`, { details: { field } });
}

/** A message or text that has to be there. */
export function required<T>(value: T | undefined, field: string): NonNullable<T> {
  if (value !== undefined && value !== null && value !== "") return value;
  throw new MinkeError("InvalidArgument", `Cannot go on without ${field}: it must be set`, { details: { field } });
}

/** A 64-bit number as an exact JavaScript one, within bounds. */
export function integer(
  value: bigint,
  field: string,
  {
    min = Number.MIN_SAFE_INTEGER,
    max = Number.MAX_SAFE_INTEGER,
  }: { readonly min?: number; readonly max?: number } = {},
): number {
  if (value >= BigInt(min) && value <= BigInt(max)) return Number(value);
  throw invalid(field, value, `must be from ${min} to ${max}`);
}

/** A number of an enum that the .proto knows; its wire form takes any. */
export function known(schema: DescEnum, value: number, field: string): number {
  if (schema.value[value]) return value;
  const names = schema.values.map(({ name }) => name);
  throw invalid(field, value, `must be one of ${names.join(", ")}`);
}

/** An absolute path without `..`. */
export function absolutePath(path: string, field: string): string {
  if (!path.startsWith("/")) throw invalid(field, path, "must be an absolute path");
  if (path.split("/").includes("..")) throw invalid(field, path, 'must not have ".."');
  if (path.includes("\0")) throw invalid(field, path, "must not have a zero byte");
  return path;
}

/** A path below a folder: relative, and without `..`. */
export function relativePath(path: string, field: string): string {
  if (path.startsWith("/")) throw invalid(field, path, "must be a relative path");
  absolutePath(`/${path}`, field);
  return path;
}
