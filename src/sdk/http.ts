/** One request to the node: JSON in, JSON out, errors as {@link MinkeError}, warnings to a callback. */
import { MinkeError } from "../base/errors.ts";
import { textOf } from "./body.ts";
import { errorOfResponse } from "./status-error.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";

export interface HttpOptions {
  /** A JSON value; `raw` is sent as it is. */
  readonly body?: unknown;
  readonly raw?: TransportRequest["body"];
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

export interface Http {
  readonly transport: Transport;
  /** The parsed body of a successful answer. Rejects with the error of the server's Status. */
  json<T>(method: TransportRequest["method"], path: string, options?: HttpOptions): Promise<T>;
  /** A successful answer whose body the caller reads. Rejects as {@link json} does. */
  stream(method: TransportRequest["method"], path: string, options?: HttpOptions): Promise<TransportResponse>;
}

/** Binds requests to a transport. `onWarning` gets the text of each `Warning:` header. */
export function httpOver(transport: Transport, onWarning: (text: string) => void = () => {}): Http {
  const stream: Http["stream"] = async (method, path, options = {}) => {
    const response = await transport.request(requestOf(method, path, options));
    for (const warning of response.warnings) onWarning(warning);
    if (response.status < 400) return response;
    throw errorOfResponse(response.status, await textOf(response.body));
  };
  return {
    transport,
    stream,
    async json<T>(method: TransportRequest["method"], path: string, options: HttpOptions = {}): Promise<T> {
      const response = await stream(method, path, options);
      const text = await textOf(response.body);
      try {
        return JSON.parse(text === "" ? "{}" : text) as T;
      } catch (cause) {
        throw new MinkeError(
          "Internal",
          `Cannot read the answer to ${method} ${path}: it is not JSON; check that ${transport.target} belongs to a Minke node`,
          { cause },
        );
      }
    },
  };
}

function requestOf(method: TransportRequest["method"], path: string, options: HttpOptions): TransportRequest {
  const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  return {
    method,
    path,
    headers: {
      accept: options.accept ?? "application/json",
      ...(body === undefined ? {} : { "content-type": options.contentType ?? "application/json" }),
      ...(typeof body === "string" ? { "content-length": String(new TextEncoder().encode(body).byteLength) } : {}),
    },
    ...(body === undefined ? {} : { body }),
    ...(options.signal ? { signal: options.signal } : {}),
  };
}
