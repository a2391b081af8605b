/** What failed while content was coming in: the data, the disk, or its source. */
import { MinkeError, errnoOf, messageOf } from "../base/errors.ts";

/**
 * The error to show for anything thrown while reading a stream and writing it to disk. `action` completes "Cannot …", such
 * as "unpack the layer". A MinkeError is returned as it is.
 */
export function streamError(action: string, error: unknown): MinkeError {
  if (error instanceof MinkeError) return error;
  const code = errnoOf(error) ?? "";
  const why = messageOf(error);
  if (/^(Z|ZSTD)_/.test(code)) {
    const message = `Cannot ${action}: its compressed data is damaged or cut off (${why})`;
    return new MinkeError("InvalidArgument", message, { cause: error });
  }
  if (code === "ENOSPC" || code === "EDQUOT") return diskFull(action, why, error);
  return new MinkeError("Internal", `Cannot ${action}: ${why}`, { cause: error });
}

export function diskFull(action: string, why: string, cause?: unknown): MinkeError {
  return new MinkeError(
    "ResourceExhausted",
    `Cannot ${action}: the disk is full (${why}); make room, for example with minke image prune`,
    cause === undefined ? {} : { cause },
  );
}
