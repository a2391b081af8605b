/** What a handler gets: the node it serves, and the request it answers. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import type { Resource } from "../../api/resources.ts";
import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/logger.ts";
import type { Tracer } from "../../base/trace.ts";
import type { Engine } from "../../engine/engine.ts";
import type { ImageService } from "../../runtime/image.ts";
import type { EventRecorder } from "../../store/event-recorder.ts";
import type { Store } from "../../store/store.ts";
import type { StreamRuntime } from "../stream/session-channels.ts";
import type { AuditSink } from "./audit/audit-trail.ts";
import type { NodeIdentity } from "./auth/node-identity.ts";
import type { ServiceAccountTokens } from "./auth/service-account-tokens.ts";
import type { User } from "./auth/user.ts";
import type { ResourceRequest } from "./request-info.ts";
import type { RequestMetrics } from "./metrics/request-metrics.ts";
import type { RequestRecord } from "./request-record.ts";

/** What the server stands on. It writes the store and never tells the runtime to change a Pod. */
export interface KubeServerOptions {
  readonly store: Store;
  readonly events: EventRecorder;
  readonly engine: Engine;
  readonly images: ImageService;
  /** For exec, attach and port forwarding only. */
  readonly streams: StreamRuntime;
  readonly clock: Clock;
  readonly log: Logger;
  readonly trace: Tracer;
  /** The name that Pods get as `spec.nodeName`. */
  readonly nodeName: string;
  /** Whether Pods reach the API, so that a token of their service account is of use; if not, none is mounted into them. */
  readonly issuesTokens: boolean;
  readonly identity: NodeIdentity;
  readonly tokens: ServiceAccountTokens;
  /** A folder that only root can read, on the store's disk, for files that do not last. */
  readonly scratch: string;
  /** How long Events are kept, milliseconds; 0 for ever. Default: an hour. */
  readonly eventTtlMs?: number;
  /** Where each request is noted down; absent: nowhere. */
  readonly audit?: AuditSink;
  /** What `info` answers: plain JSON about this node. */
  readonly nodeInfo: () => Promise<Readonly<Record<string, unknown>>>;
}

/** One request. */
export interface RequestContext {
  readonly node: KubeServerOptions;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Who sends it, and may: the gate has let it through. */
  readonly user: User;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Aborts when the client has gone or the server stops. */
  readonly signal: AbortSignal;
  /** Texts for `Warning` headers; respond.ts sends as many as fit. */
  readonly warnings: string[];
  /** Of all requests. */
  readonly metrics: RequestMetrics;
  /** What is known of the request so far. */
  readonly record: RequestRecord;
  /** Present when the client asks to leave HTTP (WebSocket, SPDY). */
  readonly upgrade?: { readonly socket: Duplex; readonly head: Buffer };
}

/** A request for a resource of the table in api/resources.ts. */
export interface ResourceContext extends RequestContext {
  readonly info: ResourceRequest;
  readonly resource: Resource;
}

export type Handler = (context: ResourceContext) => Promise<void> | void;
export type PathHandler = (context: RequestContext) => Promise<void> | void;
