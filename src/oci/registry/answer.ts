/** Reading answers of a registry: small bodies with a limit, and refusals as errors. */
import { MinkeError, type ErrorCode } from "../../base/errors.ts";
import { asObject, textOf } from "../image-format.ts";
import { type HttpResponse, networkError } from "./transport.ts";

/** Bytes of a refusal that are read, and characters of it that are shown. */
const REFUSAL_BYTES_MAX = 64 * 1024;
const REFUSAL_CHARACTERS_MAX = 300;

/** The whole body. Rejects with `ResourceExhausted` beyond `limit` bytes. */
export async function readBody(response: HttpResponse, limit: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > limit) {
        throw new MinkeError("ResourceExhausted", `Cannot read the answer of ${what}: it has more than ${limit} bytes`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    throw networkError(response.url, error);
  }
  return Buffer.concat(chunks);
}

/** Whether the same request may be answered better a little later. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/**
 * The error for an answer that is none. `action` completes "Cannot …". The body's `errors` (OCI distribution specification,
 * error codes) say why, if anything does.
 */
export async function refusal(response: HttpResponse, action: string): Promise<MinkeError> {
  const { status, url } = response;
  const said = await readBody(response, REFUSAL_BYTES_MAX, url.origin).then(messageIn, () => "");
  const why = `${url.origin} answers ${status}${said === "" ? "" : `: ${said}`}`;
  const [code, remedy] = meaningOf(status);
  return new MinkeError(code, `Cannot ${action}: ${why}${remedy}`, {
    reason: code === "Unavailable" ? "RegistryUnavailable" : "ErrImagePull",
    details: { status, origin: url.origin },
  });
}

function meaningOf(status: number): readonly [ErrorCode, string] {
  if (isPassing(status)) return ["Unavailable", ""];
  if (status === 401) {
    return ["PermissionDenied", "; log in with minke image login, or give the Pod an imagePullSecret"];
  }
  if (status === 403) return ["PermissionDenied", ""];
  if (status === 404) return ["NotFound", ""];
  return ["FailedPrecondition", ""];
}

function messageIn(body: Buffer): string {
  const text = body.toString("utf8");
  try {
    const document = asObject(JSON.parse(text));
    const errors = document?.["errors"];
    const list = Array.isArray(errors) ? errors.map((one) => asObject(one)) : [document];
    const shown = list.map((one) => textOf(one?.["message"]) || textOf(one?.["code"]) || textOf(one?.["details"]));
    return printable(shown.filter((one) => one !== "").join("; "));
  } catch {
    return text.includes("<") ? "" : printable(text);
  }
}

function printable(text: string): string {
  return text
    .replaceAll(/[^\p{L}\p{N}\p{P}\p{S} ]+/gu, " ")
    .trim()
    .slice(0, REFUSAL_CHARACTERS_MAX);
}
