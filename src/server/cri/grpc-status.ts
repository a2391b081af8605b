/** From our errors to those of gRPC: one table. */
import { status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";

import type { ErrorCode } from "../../base/errors.ts";
import { isMinkeError, messageOf } from "../../base/errors.ts";

const STATUS: Readonly<Record<ErrorCode, status>> = {
  InvalidArgument: status.INVALID_ARGUMENT,
  NotFound: status.NOT_FOUND,
  AlreadyExists: status.ALREADY_EXISTS,
  Conflict: status.ABORTED,
  FailedPrecondition: status.FAILED_PRECONDITION,
  PermissionDenied: status.PERMISSION_DENIED,
  ResourceExhausted: status.RESOURCE_EXHAUSTED,
  Unavailable: status.UNAVAILABLE,
  DeadlineExceeded: status.DEADLINE_EXCEEDED,
  Cancelled: status.CANCELLED,
  Unimplemented: status.UNIMPLEMENTED,
  Internal: status.INTERNAL,
};

/**
 * Reasons that the kubelet looks for at the beginning of a message whose status is UNKNOWN, which its client strips.
 * Kubernetes: cri-api pkg/errors, cri-client pkg/remote_image.go (PullImage), pkg/kubelet/images/image_manager.go.
 */
const TOLD_BY_MESSAGE: readonly string[] = ["RegistryUnavailable", "SignatureValidationFailed"];

/** A message travels in a header, and those have a limit. */
const MESSAGE_MAX_CHARACTERS = 4096;

/** What grpc-js makes the status of a call from. */
export function grpcError(error: unknown): Pick<ServiceError, "code" | "details" | "name" | "message"> {
  const reason = isMinkeError(error) ? error.reason : undefined;
  const told = reason !== undefined && TOLD_BY_MESSAGE.includes(reason);
  const code = told ? status.UNKNOWN : isMinkeError(error) ? STATUS[error.code] : status.INTERNAL;
  const details = `${told ? `${reason}: ` : ""}${messageOf(error)}`.slice(0, MESSAGE_MAX_CHARACTERS);
  return { name: "Error", message: details, code, details };
}
