/** Errors of the HTTP side that api/status.ts has no words for. Kubernetes: apimachinery/pkg/api/errors. */
import { MinkeError } from "../../base/errors.ts";

/** A path that nothing serves. */
export function pathNotFound(): MinkeError {
  return new MinkeError("NotFound", "the server could not find the requested resource");
}

/** A verb that the path does not know. */
export function verbNotAllowed(): MinkeError {
  return new MinkeError("Unimplemented", "the server does not allow this method on the requested resource", {
    reason: "MethodNotAllowed",
  });
}

export function unsupportedMediaType(accepted: readonly string[]): MinkeError {
  return new MinkeError(
    "InvalidArgument",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
    { reason: "UnsupportedMediaType" },
  );
}

export function tooLarge(limitBytes: number): MinkeError {
  return new MinkeError("InvalidArgument", `Request entity too large: limit is ${limitBytes}`, {
    reason: "RequestEntityTooLarge",
  });
}
