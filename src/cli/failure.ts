/** Errors as people read them, in kubectl's words where kubectl has words for them. Kubernetes: kubectl/pkg/cmd/util. */
import type { Status } from "../api/gen/types.ts";
import { errnoOf, isMinkeError, messageOf, MinkeError } from "../base/errors.ts";
import type { CliContext } from "./context.ts";
import { EXIT, ExitError } from "./exit.ts";

/** The line or lines for stderr; empty when there is nothing left to say. */
export function describeFailure(error: unknown, env: Readonly<Record<string, string | undefined>> = {}): string {
  if (error instanceof ExitError) return error.message === "" ? "" : `error: ${error.message}`;
  if (!isMinkeError(error)) {
    if (error instanceof Error && env["MINKE_DEBUG"] !== undefined) return error.stack ?? error.message;
    return `error: ${messageOf(error)}`;
  }
  if (error.reason === "NoNode") return error.message;
  // The system's own words (`connect EACCES …`) say nothing that the message has not said.
  const text = errnoOf(error.cause) === undefined ? messageOf(error) : error.message;
  return invalidText(error) ?? serverText(error) ?? `error: ${text}`;
}

/**
 * The same for all failures of one command. kubectl words a single one differently from several: only it gets `error:` in
 * front, and the list of what is invalid.
 */
export function describeFailures(
  errors: readonly unknown[],
  env: Readonly<Record<string, string | undefined>>,
): string {
  if (errors.length === 1) return describeFailure(errors[0], env);
  return errors.map((error) => (isMinkeError(error) ? serverText(error) : undefined) ?? messageOf(error)).join("\n");
}

/** Runs all side by side to their ends; then tells what failed, and lets the command end with an error. */
export async function runAll(context: CliContext, tasks: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(tasks);
  const failures = results.flatMap((result): unknown[] => (result.status === "rejected" ? [result.reason] : []));
  if (failures.length === 0) return;
  context.note(describeFailures(failures, context.env));
  context.exit(EXIT.error);
}

/** The error with what was done to which file: `error when creating "pod.yaml": …`. */
export function withSource(error: unknown, verb: string, source: string): unknown {
  if (!isMinkeError(error) || error.reason === "NoNode") return error;
  const { reason, details, cause } = error;
  const options = { details, cause, ...(reason === undefined ? {} : { reason }) };
  return new MinkeError(error.code, `error when ${verb} "${source}": ${error.message}`, options);
}

/** `The Pod "web" is invalid: spec.x: Invalid value …`; several causes get a line each. */
function invalidText({ reason, details }: MinkeError): string | undefined {
  const about = (details["status"] as Status | undefined)?.details;
  if (reason !== "Invalid" || !about || (about.kind ?? about.name ?? "") === "") return undefined;
  const head = `The ${about.kind ?? ""} "${about.name ?? ""}" is invalid`;
  const causes = new Set((about.causes ?? []).map(({ field, message }) => `${field ?? ""}: ${message ?? ""}`));
  if (causes.size === 0) return head;
  if (causes.size === 1) return `${head}: ${[...causes].join("")}`;
  return [`${head}: `, ...[...causes].map((cause) => `* ${cause}`)].join("\n");
}

/** Undefined when the error did not come from the server. */
function serverText(error: MinkeError): string | undefined {
  if (!("httpStatus" in error.details)) return undefined;
  const name = error.reason === undefined ? "" : ` (${error.reason})`;
  return error.message === "" ? `Error from server${name}` : `Error from server${name}: ${error.message}`;
}
