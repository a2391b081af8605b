/**
 * One way to a repository: one host, asked with one credential or none. Failures that pass are waited out here: no answer, a
 * connection that breaks, 429 and 5xx, with `Retry-After`.
 */
import { type Clock, sleep } from "../../base/clock.ts";
import type { DockerAuth } from "../../base/docker-auths.ts";
import { isMinkeError } from "../../base/errors.ts";
import { isPassing } from "./answer.ts";
import { Authorizer } from "./authorizer.ts";
import type { Capability, RegistryHost } from "./hosts.ts";
import { type HttpRequest, type HttpResponse, type Transport, unavailable } from "./transport.ts";

/** Requests for one answer: a mirror has the registry itself behind it. */
const TRIES_MAX = 4;
const MIRROR_TRIES_MAX = 2;
/** Milliseconds before the second try; four times as long before each further one. */
const FIRST_WAIT_MS = 250;
/** Milliseconds that a registry may ask to be left alone before that counts as a refusal. */
const RETRY_AFTER_MAX_MS = 60_000;

export interface SourceRequest extends Omit<HttpRequest, "url"> {
  /** Below the repository: `manifests/latest`; or a whole URL that the host has given. */
  readonly path: string | URL;
  readonly scope: "pull" | "pull,push";
}

export class Source {
  readonly host: RegistryHost;
  /** What it is asked with. */
  readonly auth: DockerAuth | undefined;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #authorizer: Authorizer;
  readonly #path: string;
  readonly #registry: string;

  constructor(options: {
    readonly host: RegistryHost;
    readonly transport: Transport;
    readonly clock: Clock;
    readonly auth: DockerAuth | undefined;
    /** As the reference has them: `docker.io`, `library/nginx`. */
    readonly registry: string;
    readonly path: string;
  }) {
    const { host, transport, clock, auth, registry, path } = options;
    this.host = host;
    this.auth = auth;
    this.#transport = transport;
    this.#clock = clock;
    this.#authorizer = new Authorizer(transport, host, clock, auth);
    const rewrite = host.rewrites.find(({ pattern }) => pattern.test(path));
    this.#path = rewrite ? path.replace(rewrite.pattern, rewrite.replacement) : path;
    this.#registry = registry;
  }

  offers(capability: Capability): boolean {
    return this.host.capabilities.includes(capability);
  }

  /** Whether another credential could get another answer. */
  get wasAsked(): boolean {
    return this.#authorizer.wasAsked;
  }

  /** The answer, which is no passing failure. Rejects with `Unavailable` when only such came. */
  async request(request: SourceRequest): Promise<HttpResponse> {
    const { signal } = request;
    const isStream = typeof request.body === "object" && "pipe" in request.body;
    const tries = isStream ? 1 : this.host.mirrors ? MIRROR_TRIES_MAX : TRIES_MAX;
    for (let n = 1, waitMs = FIRST_WAIT_MS; ; n++, waitMs *= 4) {
      let askedForMs = 0;
      try {
        const response = await this.#authorized(request);
        if (!isPassing(response.status) || n === tries) return response;
        askedForMs = retryAfterMs(response, this.#clock.now());
        if (askedForMs > RETRY_AFTER_MAX_MS) return response;
        response.body.destroy();
      } catch (error) {
        if (n === tries || signal?.aborted === true || !isMinkeError(error, "Unavailable")) throw error;
      }
      await sleep(this.#clock, Math.max(waitMs, askedForMs), signal);
    }
  }

  async #authorized(request: SourceRequest): Promise<HttpResponse> {
    const scope = `repository:${this.#path}:${request.scope}`;
    const url = this.#url(request.path);
    // An upload's URL may be on another host, which is owed nothing.
    const isOwn = url.origin === new URL(this.host.root).origin;
    for (let isSecond = false; ; isSecond = true) {
      const authorization = isOwn ? await this.#authorizer.header(scope, request.signal ?? undefined) : undefined;
      const headers = {
        ...(isOwn ? this.host.headers : {}),
        ...request.headers,
        ...(authorization === undefined ? {} : { authorization }),
      };
      const response = await this.#transport.send({ ...request, url, headers }, this.host);
      const isAsked = response.status === 401 && response.url.host === url.host && isOwn;
      if (!isAsked || isSecond || !this.#authorizer.learn(response, scope, authorization)) return response;
      response.body.destroy();
      if (typeof request.body === "object" && "pipe" in request.body) {
        throw unavailable(url, "it asks for authorization in the middle of an upload");
      }
    }
  }

  #url(path: string | URL): URL {
    if (path instanceof URL) return path;
    const url = new URL(`${this.host.root}/${this.#path}/${path}`);
    // containerd's convention, by which one mirror can stand for several registries.
    if (this.host.mirrors) url.searchParams.set("ns", this.#registry);
    return url;
  }
}

/** Milliseconds that `Retry-After` asks for: seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(response: HttpResponse, now: number): number {
  const text = response.headers["retry-after"] ?? "";
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
