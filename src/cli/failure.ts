/** Errors as people read them, in kubectl's words where kubectl has words for them. */
import { isMinkeError, messageOf } from "../base/errors.ts";
import { ExitError } from "./exit.ts";

/** The line or lines for stderr; empty when there is nothing left to say. */
export function describeFailure(error: unknown, env: Readonly<Record<string, string | undefined>> = {}): string {
  if (error instanceof ExitError) return error.message === "" ? "" : `error: ${error.message}`;
  if (!isMinkeError(error)) {
    if (error instanceof Error && env["MINKE_DEBUG"] !== undefined) return error.stack ?? error.message;
    return `error: ${messageOf(error)}`;
  }
  if (error.reason === "NoNode") return error.message;
  if (!("httpStatus" in error.details)) return `error: ${messageOf(error)}`;
  const name = error.reason === undefined ? "" : ` (${error.reason})`;
  return error.message === "" ? `Error from server${name}` : `Error from server${name}: ${error.message}`;
}
