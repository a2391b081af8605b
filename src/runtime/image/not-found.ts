/** The error for an image that is not in the store. */
import { MinkeError } from "../../base/errors.ts";

export function notFound(action: string, reference: string): MinkeError {
  return new MinkeError(
    "NotFound",
    `Cannot ${action} image "${reference}": there is no such image here; see minke image list`,
    { details: { image: reference } },
  );
}
