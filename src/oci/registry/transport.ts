/**
 * One HTTP request to a registry and its answer: connections that are kept, redirects, and the environment's proxies
 * (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`). What identifies the asker never goes along to another origin.
 */
import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream";
import { getCACertificates } from "node:tls";

import type { Clock } from "../../base/clock.ts";
import { MinkeError, errnoOf, messageOf } from "../../base/errors.ts";
import { VERSION } from "../../base/version.ts";
import { type RegistryHost, type TlsSettings, isLoopback } from "./hosts.ts";

/** Connections to one origin at a time: far more than downloads run at once, so that no request waits for a place. */
const CONNECTIONS_MAX = 64;
/** Milliseconds that an idle connection is kept. */
const IDLE_MS = 15_000;
/** Milliseconds from a request until the head of its answer. */
const HEAD_TIMEOUT_MS = 60_000;
/** Redirects of one request, as Go's client has it. */
const REDIRECTS_MAX = 10;

export type Headers = Readonly<Record<string, string | readonly string[]>>;

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly headers?: Headers;
  /** A stream is sent once: such a request is neither redirected nor sent again. */
  readonly body?: string | Uint8Array | Readable;
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose body the caller reads, or destroys. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: IncomingMessage;
  /** Where it came from, after redirects. */
  readonly url: URL;
}

/** What a host needs of a connection. */
export type Connection = Pick<RegistryHost, "tls" | "plainFallback" | "connectTimeoutMs">;

export class Transport {
  readonly #clock: Clock;
  readonly #agents = new Map<string, HttpAgent>();
  /** Origins that turned out to speak no TLS. */
  readonly #plain = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Sends a request and resolves with the head of its answer, whatever its status. Rejects with `Unavailable` (reason
   * `RegistryUnavailable`) when no answer comes, `FailedPrecondition` for a certificate that does not hold, and the
   * signal's reason.
   */
  async send(request: HttpRequest, connection: Connection): Promise<HttpResponse> {
    let { url, headers = {} } = request;
    for (let redirects = 0; ; redirects++) {
      const response = await this.#sendOnce({ ...request, url, headers }, connection);
      const location = response.headers.location;
      const isRedirect = [301, 302, 303, 307, 308].includes(response.status) && location !== undefined;
      if (!isRedirect || (request.method !== "GET" && request.method !== "HEAD")) return response;
      response.body.destroy();
      if (redirects === REDIRECTS_MAX) throw unavailable(request.url, `it redirects more than ${REDIRECTS_MAX} times`);
      const next = redirectTarget(response.url, location, connection);
      if (next.origin !== response.url.origin) headers = anonymous(headers);
      url = next;
    }
  }

  async #sendOnce(request: HttpRequest, connection: Connection): Promise<HttpResponse> {
    const { url } = request;
    const plain = plainUrl(url);
    const mayFallBack = connection.plainFallback && url.protocol === "https:";
    if (mayFallBack && this.#plain.has(url.host)) return await this.#exchange({ ...request, url: plain }, connection);
    try {
      return await this.#exchange(request, connection);
    } catch (error) {
      if (!mayFallBack || !speaksNoTls(error)) throw error;
      this.#plain.add(url.host);
      return await this.#exchange({ ...request, url: plain }, connection);
    }
  }

  async #exchange(request: HttpRequest, connection: Connection): Promise<HttpResponse> {
    const { url, method, body, signal } = request;
    signal?.throwIfAborted();
    const start = url.protocol === "https:" ? httpsRequest : httpRequest;
    const { promise, resolve, reject } = Promise.withResolvers<HttpResponse>();
    const sent = start(url, {
      method,
      agent: this.#agentFor(url, connection.tls),
      headers: { "user-agent": `minke/${VERSION}`, ...(request.headers as Record<string, string | string[]>) },
    });
    sent.on("error", (error) => reject(signal?.aborted === true ? (signal.reason as Error) : networkError(url, error)));
    sent.on("response", (message) =>
      resolve({ status: message.statusCode ?? 0, headers: message.headers, body: message, url }),
    );
    const abort = (): void => void sent.destroy(signal?.reason as Error);
    signal?.addEventListener("abort", abort, { once: true });
    sent.on("close", () => signal?.removeEventListener("abort", abort));
    using _connecting = this.#clock.timer(connection.connectTimeoutMs, () => {
      if (!isConnected(sent)) sent.destroy(new Error(`no connection within ${connection.connectTimeoutMs / 1000} s`));
    });
    // A body that streams for minutes has its answer after it.
    const isStream = typeof body === "object" && "pipe" in body;
    using _answering = isStream
      ? undefined
      : this.#clock.timer(HEAD_TIMEOUT_MS, () =>
          sent.destroy(new Error(`no answer within ${HEAD_TIMEOUT_MS / 1000} s`)),
        );
    if (isStream) pipeline(body, sent, (error) => error && reject(networkError(url, error)));
    else sent.end(body);
    return await promise;
  }

  #agentFor(url: URL, tls: TlsSettings): HttpAgent {
    const isSecure = url.protocol === "https:";
    // Go's rule, which every tool of this kind follows: no proxy for this machine itself.
    const usesProxy = !isLoopback(url.host);
    const key = isSecure ? JSON.stringify([usesProxy, tls]) : `plain ${usesProxy}`;
    const known = this.#agents.get(key);
    if (known) return known;
    const options = {
      keepAlive: true,
      timeout: IDLE_MS,
      maxSockets: CONNECTIONS_MAX,
      ...(usesProxy ? { proxyEnv: process.env } : {}),
    };
    const agent = isSecure ? new HttpsAgent({ ...options, ...tlsOptions(tls) }) : new HttpAgent(options);
    this.#agents.set(key, agent);
    return agent;
  }
}

function tlsOptions(tls: TlsSettings) {
  const authorities = [...getCACertificates("bundled"), ...getCACertificates("system"), ...tls.ca];
  return {
    rejectUnauthorized: tls.verify,
    ca: [...new Set(authorities)],
    ...(tls.clients.length === 0
      ? {}
      : { cert: tls.clients.map(({ cert }) => cert), key: tls.clients.map(({ key }) => key) }),
  };
}

function redirectTarget(from: URL, location: string, connection: Connection): URL {
  let target: URL;
  try {
    target = new URL(location, from);
  } catch {
    throw unavailable(from, `it redirects to "${location.slice(0, 200)}", which is no URL`);
  }
  const isHttp = target.protocol === "https:" || target.protocol === "http:";
  const isDowngrade = from.protocol === "https:" && target.protocol === "http:" && connection.tls.verify;
  if (isHttp && !isDowngrade) return target;
  throw unavailable(
    from,
    `it redirects from ${from.protocol}// to ${target.protocol}//${target.host}, which is not followed`,
  );
}

/** What may go to another origin: what says which content is wanted. */
function anonymous(headers: Headers): Headers {
  const kept = ["accept", "range", "if-range"];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => kept.includes(name.toLowerCase())));
}

function plainUrl(url: URL): URL {
  const plain = new URL(url);
  plain.protocol = "http:";
  return plain;
}

function isConnected(request: ClientRequest): boolean {
  const socket = request.socket;
  return socket !== null && !socket.connecting;
}

/** Whether a TLS handshake failed because the other side speaks plain HTTP (or none at all on that port). */
function speaksNoTls(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return /^(EPROTO|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_HTTP_REQUEST)$/.test(
    errnoOf(cause) ?? "",
  );
}

const CERTIFICATE_ERROR = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|HOSTNAME_MISMATCH|INVALID_CA)/;

/** What failed on the way to an answer, or while its body came. */
export function networkError(url: URL, error: unknown): MinkeError {
  if (error instanceof MinkeError) return error;
  const code = errnoOf(error) ?? "";
  if (!CERTIFICATE_ERROR.test(code)) return unavailable(url, messageOf(error) || code, error);
  const message =
    `Cannot reach ${url.origin}: its certificate is not to be trusted (${messageOf(error)}); add its authority to the ` +
    `system's, or name it by "ca" in ${url.host}/hosts.toml of the registries directory`;
  return new MinkeError("FailedPrecondition", message, { cause: error, details: { origin: url.origin, code } });
}

export function unavailable(url: URL, why: string, cause?: unknown): MinkeError {
  return new MinkeError("Unavailable", `Cannot reach ${url.origin}: ${why}`, {
    reason: "RegistryUnavailable",
    details: { origin: url.origin },
    ...(cause === undefined ? {} : { cause }),
  });
}
