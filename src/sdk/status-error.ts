/** Turns the server's answers into {@link MinkeError}s, so that callers switch on codes and reasons, never on text. */
import { MinkeError } from "../base/errors.ts";
import type { Status } from "../api/gen/types.ts";
import { errorOfStatus as mapStatus } from "../api/status.ts";

/**
 * The error that a Status stands for. Its message is the server's own words, `reason` the Status' reason,
 * `details.status` the whole Status; `details.httpStatus` marks it as one that came from a server.
 */
export function errorOfStatus(status: Partial<Status>, httpStatus?: number): MinkeError {
  const http = status.code ?? httpStatus ?? 500;
  const { code, message, reason, details } = mapStatus({
    apiVersion: "v1",
    kind: "Status",
    metadata: {},
    ...status,
    code: http,
  });
  return new MinkeError(code, message, {
    ...(reason === undefined ? {} : { reason }),
    details: { ...details, httpStatus: http, status },
  });
}

/** The error of a response with an error status and this body, which may or may not hold a Status. */
export function errorOfResponse(httpStatus: number, body: string): MinkeError {
  const status = statusIn(body);
  if (status) return errorOfStatus(status, httpStatus);
  const text = body.trim().slice(0, 1024);
  return errorOfStatus(text === "" ? {} : { message: text }, httpStatus);
}

/** The Status in a JSON text, or undefined when the text is something else. */
export function statusIn(text: string): Status | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    const value = JSON.parse(text) as Status;
    return value.kind === "Status" || typeof value.status === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** True when a watch or list has to begin anew because the server's history no longer reaches back. */
export function isExpired(error: unknown): boolean {
  if (!(error instanceof MinkeError)) return false;
  return error.reason === "Expired" || error.reason === "Gone" || error.details["httpStatus"] === 410;
}
