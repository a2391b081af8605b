/**
 * JSON patch (RFC 6902). Limits as the Kubernetes API server has them (apiserver endpoints/handlers/patch.go): so many
 * operations, and so many bytes that `copy` may add, since a few copies of copies would fill the memory.
 */
import jsonPatch from "fast-json-patch";

import { MinkeError } from "../base/errors.ts";
import { draftOf } from "./draft.ts";
import { isRecord, type JsonRecord } from "./record.ts";
import { badRequest, unprocessable } from "./status.ts";

type Operation = Parameters<typeof jsonPatch.applyOperation>[1];

/** Operations in one patch. */
const OPERATIONS_MAX = 10_000;
/** What all `copy` operations of a patch add together, in bytes of JSON. */
const COPIES_MAX_BYTES = 3 * 1024 * 1024;
/** What the members of an operation are called; others are ignored, as the RFC says, and reported. */
const MEMBERS = new Set(["op", "path", "from", "value"]);

/**
 * The patched copy. Throws `InvalidArgument` when `patch` is no list of operations (400), one does not fit the object
 * (reason `Invalid`, 422), or it is too long (413).
 */
export function jsonPatchOf(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch) || !patch.every(isRecord)) {
    throw badRequest("error decoding patch: a list of operations is expected");
  }
  if (patch.length > OPERATIONS_MAX) {
    const why = `The allowed maximum operations in a JSON patch is ${OPERATIONS_MAX}, got ${patch.length}`;
    throw new MinkeError("InvalidArgument", `Request entity too large: ${why}`, { reason: "RequestEntityTooLarge" });
  }
  let document: unknown = draftOf(target);
  let copied = 0;
  for (const operation of patch as readonly JsonRecord[]) {
    if (operation["op"] === "copy") copied += sizeAt(document, operation["from"]);
    if (copied > COPIES_MAX_BYTES) {
      throw unprocessable(
        `Unable to complete the copy, the accumulated size increase of copy is ${copied}, exceeding the limit ${COPIES_MAX_BYTES}`,
      );
    }
    document = applied(document, operation);
  }
  return document;
}

/** The members of a patch's operations that mean nothing, as paths: `[0].valeu`. */
export function unknownMembers(patch: unknown): string[] {
  if (!Array.isArray(patch)) return [];
  return patch.flatMap((operation: unknown, index) =>
    Object.keys(isRecord(operation) ? operation : {})
      .filter((key) => !MEMBERS.has(key))
      .map((key) => `[${index}].${key}`),
  );
}

function applied(document: unknown, operation: JsonRecord): unknown {
  const { op, path } = operation;
  try {
    return jsonPatch.applyOperation(document, operation as unknown as Operation, true, true).newDocument;
  } catch (error) {
    // The library appends the whole document to its messages; and a move into its own child ends in a bare TypeError.
    const why = ((error as Error).message.split("\n", 1)[0] ?? "").replace(/^operation has /i, "");
    throw unprocessable(`operation ${JSON.stringify(op)} at path ${JSON.stringify(path)}: ${why}`);
  }
}

function sizeAt(document: unknown, pointer: unknown): number {
  if (typeof pointer !== "string") return 0;
  try {
    return JSON.stringify(jsonPatch.getValueByPointer(document, pointer))?.length ?? 0;
  } catch {
    // There is nothing at the pointer; the operation itself will say so.
    return 0;
  }
}
