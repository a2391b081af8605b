/** SQLite's result codes in the words of the operator. Source of the numbers: sqlite.org/rescode.html. */
import { isMinkeError, messageOf, MinkeError } from "../base/errors.ts";

const BUSY = 5;
const IO_ERROR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const NOT_A_DATABASE = 26;

const AWAY = "move it and its -wal file away to start with an empty store, or restore a backup";

/** Why the store does not open, with the remedy. */
export function explainOpenError(path: string, error: unknown): MinkeError {
  if (isMinkeError(error)) return error;
  const fail = (why: string): MinkeError =>
    new MinkeError("FailedPrecondition", `Cannot open the store ${path}: ${why}`, { cause: error, details: { path } });
  switch (codeOf(error)) {
    case NOT_A_DATABASE:
      return fail(`it is not an SQLite database; ${AWAY}`);
    case BUSY:
      return fail("another process uses it; stop that one, or choose another --root");
    case CANNOT_OPEN:
      return fail("the file cannot be opened or created; check that its folder exists and is writable");
    case FULL:
      return fail("the disk is full; free some space and start again");
    case IO_ERROR:
      return fail("reading or writing it failed; check the disk and the kernel log");
    default:
      return fail(`it is damaged (${messageOf(error)}); ${AWAY}`);
  }
}

/** Why a write failed; nothing of it was stored. */
export function explainWriteError(path: string, error: unknown): unknown {
  const options = { cause: error, details: { path } };
  switch (codeOf(error)) {
    case FULL:
      return new MinkeError(
        "ResourceExhausted",
        `Cannot write to the store ${path}: the disk is full; free some space`,
        options,
      );
    case CORRUPT:
    case NOT_A_DATABASE:
      return new MinkeError("Internal", `Cannot write to the store ${path}: it is damaged; ${AWAY}`, options);
    case undefined:
      return error;
    default:
      return new MinkeError("Unavailable", `Cannot write to the store ${path}: ${messageOf(error)}`, options);
  }
}

/** Why what was written may not survive a power cut. */
export function explainSyncError(path: string, error: unknown): MinkeError {
  return new MinkeError(
    "Unavailable",
    `Cannot make the disk keep what was written to the store ${path}: ${messageOf(error)}; check the disk and the kernel log, then start the node again`,
    { cause: error, details: { path } },
  );
}

/** The primary result code of an SQLite error: extended codes carry more in the upper bytes. */
function codeOf(error: unknown): number | undefined {
  const code = error instanceof Error ? (error as { errcode?: unknown }).errcode : undefined;
  return typeof code === "number" ? code & 0xff : undefined;
}
