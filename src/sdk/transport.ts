/**
 * The seam between the client and the wire. Everything above it is browser-safe; `unix-transport.ts` is the one that needs
 * Node. A page in a browser brings a transport of its own made of `fetch` and `WebSocket`.
 */

export interface TransportRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path with its query, beginning with `/`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A text, bytes, or a stream of bytes that is sent as it comes. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
}

export interface TransportResponse {
  /** HTTP status code, whatever it is: an error status is not an error of the transport. */
  readonly status: number;
  /** Value of a header by its lower-case name; several values are joined by ", ". */
  header(name: string): string | undefined;
  /** The texts of the `Warning:` headers (RFC 7234 §5.5, code 299). */
  readonly warnings: readonly string[];
  /** The body as it comes. Leaving the loop early ends the request. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A WebSocket of binary messages. */
export interface TransportSocket extends Disposable {
  /** The subprotocol that the server chose. */
  readonly protocol: string;
  /** Sends one message; resolves when it has left this process' buffer, so that a writer who awaits it can not outrun the peer. */
  send(message: Uint8Array): Promise<void>;
  /** Messages in order; ends when the peer has closed; throws when the connection broke. May be read once. */
  readonly messages: AsyncIterable<Uint8Array>;
  /** Closes with code 1000. */
  close(): void;
}

export interface Transport extends Disposable {
  /** Where it goes, for messages: the path of a socket, a URL. */
  readonly target: string;
  /** Rejects with `Unavailable` when nothing answers there, with the abort's reason when aborted. */
  request(request: TransportRequest): Promise<TransportResponse>;
  /** Opens a WebSocket. Rejects as {@link request} does; a refused upgrade rejects with the server's Status. */
  socket(path: string, protocols: readonly string[], signal?: AbortSignal): Promise<TransportSocket>;
}
