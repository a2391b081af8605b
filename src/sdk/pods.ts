/** What Pods can do beyond the verbs that all objects have: logs, exec, attach, port-forward, trace. */
import type { Span } from "../base/trace.ts";
import type { Pod } from "../api/gen/types.ts";
import { type Session, sessionOver, SESSION_PROTOCOLS } from "./channels.ts";
import type { Http } from "./http.ts";
import { FORWARD_PROTOCOLS, type ForwardedConnection, forwardOver } from "./port-forward.ts";
import { pathOf, withQuery } from "./query.ts";
import { collectionPath, type ResourceClient, resourceClient } from "./resource.ts";
import { PODS } from "../api/resources.ts";

export interface LogOptions {
  /** Default: the only container, or the one that the annotation `kubectl.kubernetes.io/default-container` names. */
  readonly container?: string;
  readonly follow?: boolean;
  /** The instance before the last restart. */
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  readonly signal?: AbortSignal;
}

export interface SessionOptions {
  readonly container?: string;
  readonly stdin?: boolean;
  readonly tty?: boolean;
  readonly signal?: AbortSignal;
}

export interface ExecOptions extends SessionOptions {
  readonly command: readonly [string, ...string[]];
}

export interface PodClient extends ResourceClient<Pod> {
  /** The log's bytes as they come; with `follow` until the container ends. */
  logs(name: string, options?: LogOptions): AsyncIterable<Uint8Array>;
  exec(name: string, options: ExecOptions): Promise<Session>;
  attach(name: string, options?: SessionOptions): Promise<Session>;
  /** One connection to `port` on localhost inside the Pod. */
  portForward(name: string, port: number, signal?: AbortSignal): Promise<ForwardedConnection>;
  /** Which step of the Pod's start took how long; empty unless the node keeps traces. */
  trace(name: string): Promise<readonly Span[]>;
}

/** The Pods of a namespace; of all, for reading, when undefined. */
export function podClient(http: Http, namespace?: string): PodClient {
  const collection = collectionPath(PODS, namespace);
  const sub = (name: string, what: string): string => `${collection}${pathOf(name)}/${what}`;
  const open = async (path: string, protocols: readonly string[], signal?: AbortSignal) =>
    http.transport.socket(path, protocols, signal);
  return {
    ...resourceClient<Pod>(http, PODS, namespace),
    async *logs(name, { signal, ...query } = {}) {
      const options = { accept: "text/plain, application/json", ...(signal ? { signal } : {}) };
      const response = await http.stream("GET", withQuery(sub(name, "log"), query), options);
      yield* response.body;
    },
    async exec(name, { signal, command, ...options }) {
      const path = withQuery(sub(name, "exec"), { ...streams(options), command });
      return sessionOver(await open(path, SESSION_PROTOCOLS, signal));
    },
    async attach(name, { signal, ...options } = {}) {
      return sessionOver(await open(withQuery(sub(name, "attach"), streams(options)), SESSION_PROTOCOLS, signal));
    },
    async portForward(name, port, signal) {
      return forwardOver(await open(withQuery(sub(name, "portforward"), { ports: port }), FORWARD_PROTOCOLS, signal));
    },
    async trace(name) {
      const path = `/apis/node.minke.dev/v1alpha1${pathOf("namespaces", namespace ?? "default", "pods", name, "trace")}`;
      return (await http.json<{ spans: readonly Span[] }>("GET", path)).spans;
    },
  };
}

/** A tty has one output stream only: stderr must be off. */
function streams(options: Omit<SessionOptions, "signal">): Record<string, string | boolean | undefined> {
  return {
    container: options.container,
    stdin: options.stdin === true ? true : undefined,
    stdout: true,
    stderr: options.tty === true ? undefined : true,
    tty: options.tty === true ? true : undefined,
  };
}
