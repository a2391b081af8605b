/**
 * Kubernetes' Status objects, and how the codes of our errors become theirs: the one place that maps a code to an HTTP
 * status. The makers below word their messages as Kubernetes does (apimachinery api/errors), since clients read them.
 */
import { type ErrorCode, isMinkeError, messageOf, MinkeError } from "../base/errors.ts";
import { type FieldError, fieldErrorText } from "./field-error.ts";
import type { Status, StatusCause, StatusDetails } from "./gen/types.ts";
import { type Resource, resourceNameOf } from "./resources.ts";

interface Answer {
  readonly http: number;
  readonly reason: string;
}

const BY_CODE: Readonly<Record<ErrorCode, Answer>> = {
  InvalidArgument: { http: 400, reason: "BadRequest" },
  NotFound: { http: 404, reason: "NotFound" },
  AlreadyExists: { http: 409, reason: "AlreadyExists" },
  Conflict: { http: 409, reason: "Conflict" },
  FailedPrecondition: { http: 400, reason: "BadRequest" },
  PermissionDenied: { http: 403, reason: "Forbidden" },
  ResourceExhausted: { http: 500, reason: "InternalError" },
  Unavailable: { http: 503, reason: "ServiceUnavailable" },
  DeadlineExceeded: { http: 504, reason: "Timeout" },
  Cancelled: { http: 503, reason: "ServiceUnavailable" },
  Unimplemented: { http: 501, reason: "NotImplemented" },
  Internal: { http: 500, reason: "InternalError" },
};

/** Reasons of an error that are a Status' reason, and say more than the error's code. */
const BY_REASON: Readonly<Record<string, { readonly http: number; readonly code: ErrorCode }>> = {
  Invalid: { http: 422, code: "InvalidArgument" },
  Unauthorized: { http: 401, code: "PermissionDenied" },
  MethodNotAllowed: { http: 405, code: "Unimplemented" },
  NotAcceptable: { http: 406, code: "InvalidArgument" },
  Expired: { http: 410, code: "ResourceExhausted" },
  Gone: { http: 410, code: "ResourceExhausted" },
  RequestEntityTooLarge: { http: 413, code: "InvalidArgument" },
  UnsupportedMediaType: { http: 415, code: "InvalidArgument" },
  TooManyRequests: { http: 429, code: "ResourceExhausted" },
};

/** The Status for anything thrown. What is no MinkeError is our fault: 500. */
export function statusOf(error: unknown): Status {
  if (!isMinkeError(error)) {
    const message = messageOf(error);
    return failure(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] });
  }
  const special = error.reason === undefined ? undefined : BY_REASON[error.reason];
  const { http, reason } = special ? { http: special.http, reason: error.reason! } : BY_CODE[error.code];
  const status = failure(http, reason, messageOf(error), detailsOf(error));
  // Where a list that came too late may go on all the same.
  const { continue: next } = error.details;
  return typeof next === "string" ? { ...status, metadata: { continue: next } } : status;
}

/** The error that a Status from a server stands for. */
export function errorOfStatus(status: Status): MinkeError {
  const reason = status.reason ?? "";
  const byReason = BY_REASON[reason]?.code;
  const codes = Object.keys(BY_CODE) as ErrorCode[];
  const code =
    byReason ??
    codes.find((each) => BY_CODE[each].reason === reason) ??
    codes.find((each) => BY_CODE[each].http === status.code) ??
    "Internal";
  const text = status.message ?? "";
  return new MinkeError(code, text === "" ? `The server answered ${status.code ?? reason}` : text, {
    ...(reason === "" ? {} : { reason }),
    details: { ...status.details },
  });
}

/** The answer to what was done and leaves no object to show. */
export function success(details: StatusDetails = {}): Status {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

function failure(code: number, reason: string, message: string, details: StatusDetails | undefined): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details && { details }),
    code,
  };
}

function detailsOf(error: MinkeError): StatusDetails | undefined {
  const { resource, kind, group, name, uid, causes, retryAfterSeconds } = error.details;
  const text = (key: string, value: unknown) => (typeof value === "string" && value !== "" ? { [key]: value } : {});
  const [plural, ...groups] = typeof resource === "string" ? resource.split(".") : [];
  const details: StatusDetails = {
    ...text("name", name),
    ...text("group", group ?? groups.join(".")),
    ...text("kind", kind ?? plural),
    ...text("uid", uid),
    ...(Array.isArray(causes) ? { causes: causes as readonly StatusCause[] } : {}),
    ...(typeof retryAfterSeconds === "number" ? { retryAfterSeconds } : {}),
  };
  return Object.keys(details).length > 0 ? details : undefined;
}

/** `pods "x" not found` */
export function notFound(resource: Resource, name: string): MinkeError {
  const called = resourceNameOf(resource);
  return new MinkeError("NotFound", `${called} "${name}" not found`, { details: { resource: called, name } });
}

/** `pods "x" is forbidden: why` */
export function forbiddenBecause(resource: Resource, name: string, why: string): MinkeError {
  const called = resourceNameOf(resource);
  const message = name === "" ? `${called} is forbidden: ${why}` : `${called} "${name}" is forbidden: ${why}`;
  return new MinkeError("PermissionDenied", message, { details: { resource: called, name } });
}

/** `Operation cannot be fulfilled on pods "x": why` */
export function conflict(resource: Resource, name: string, why: string): MinkeError {
  const called = resourceNameOf(resource);
  return new MinkeError("Conflict", `Operation cannot be fulfilled on ${called} "${name}": ${why}`, {
    details: { resource: called, name },
  });
}

/** `delete is not supported on resources of kind "nodes"`, and why when a kind is only listed. */
export function methodNotAllowed(resource: Resource, action: string): MinkeError {
  const called = resourceNameOf(resource);
  const why = resource.absent === undefined ? "" : `: ${resource.absent}`;
  return new MinkeError("Unimplemented", `${action} is not supported on resources of kind "${called}"${why}`, {
    reason: "MethodNotAllowed",
    details: { resource: called },
  });
}

export function badRequest(message: string): MinkeError {
  return new MinkeError("InvalidArgument", message);
}

/** A patch that does not fit its object. Kubernetes keeps the reason to itself; here it stands behind its words. */
export function unprocessable(why: string): MinkeError {
  const message = `the server rejected our request due to an error in our request: ${why}`;
  return new MinkeError("InvalidArgument", message, { reason: "Invalid" });
}

/** `Pod "x" is invalid: path: body`, with the group behind the kind as in `Role.rbac.authorization.k8s.io`; several findings stand in brackets, and each is a cause of its own. */
export function invalidObject(kind: string, name: string, errors: readonly FieldError[]): MinkeError {
  const texts = [...new Set(errors.map(fieldErrorText))];
  const list = texts.length === 1 ? texts[0]! : `[${texts.join(", ")}]`;
  const causes = errors.map(({ type, body, field }) => ({ reason: type, message: body, field }));
  return new MinkeError("InvalidArgument", `${kind} "${name}" is invalid: ${list}`, {
    reason: "Invalid",
    details: { kind: kind.split(".", 1)[0], group: kind.split(".").slice(1).join("."), name, causes },
  });
}
