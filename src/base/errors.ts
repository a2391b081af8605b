/**
 * The closed vocabulary of operating errors.
 *
 * Every error that leaves a module is a {@link MinkeError}. Its message reads "Cannot <action>: <why>" and names the object,
 * the field or path, the value and the remedy; `cause` keeps the original. Programmer errors are not in here: they are
 * assertions (`assert.ts`) and crash.
 */

/** What kind of failure it is. Each server maps a code to its own status at one place (gRPC status, HTTP status). */
export const ERROR_CODES = [
  "InvalidArgument",
  "NotFound",
  "AlreadyExists",
  "Conflict",
  "FailedPrecondition",
  "PermissionDenied",
  "ResourceExhausted",
  "Unavailable",
  "DeadlineExceeded",
  "Cancelled",
  "Unimplemented",
  "Internal",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorOptions {
  readonly cause?: unknown;
  /**
   * The CamelCase reason that Kubernetes shows for this failure where it has one: `ErrImagePull`, `InvalidImageName`,
   * `CreateContainerConfigError`, `RunContainerError`, `StartError` …
   */
  readonly reason?: string;
  /** Evidence for machines: argv, exit code, path, field. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** An operating error: something the world did, which the caller must handle or show. */
export class MinkeError extends Error {
  override readonly name = "MinkeError";
  readonly code: ErrorCode;
  readonly reason: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.details = options.details ?? {};
  }
}

/** True for a MinkeError, and with `code` only for one of that code. */
export function isMinkeError(error: unknown, code?: ErrorCode): error is MinkeError {
  return error instanceof MinkeError && (code === undefined || error.code === code);
}

/** The message of anything thrown, with the messages of its causes behind it, so that no evidence is lost in a log line. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause === undefined) return error.message;
  const cause = messageOf(error.cause);
  return error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}

/** The system error code (`ENOENT`, `EADDRINUSE` …) of a thrown thing, or undefined when it has none. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : undefined;
}
