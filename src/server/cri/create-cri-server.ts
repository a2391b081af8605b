/**
 * The Container Runtime Interface: gRPC on connections that somebody else accepts, so that the socket can be there, and its
 * rights be set, before this module with all of gRPC is loaded.
 */
import type { Duplex } from "node:stream";

import { Server, ServerCredentials } from "@grpc/grpc-js";

import { MinkeError } from "../../base/errors.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import { createStreamingServer } from "../stream/streaming-server.ts";
import type { CriNode, CriOptions } from "./context.ts";
import { ImageService, RuntimeService } from "./gen/runtime/v1/api_pb.ts";
import { definitionOf, implementationOf } from "./grpc.ts";
import { IMAGE_HANDLERS, RUNTIME_HANDLERS } from "./services.ts";
import { CpuRates } from "./stats/cpu-rates.ts";

/** Disposing it ends streams of events at once, lets other calls finish for a moment, and then ends them too. */
export interface CriServer extends AsyncDisposable {
  /** Serves a client on this connection, from its first byte on. */
  accept(connection: Duplex): void;
}

/** What the kubelet and crictl send and receive at most. Kubernetes: cri-client pkg/remote_runtime.go (maxMsgSize). */
const MESSAGE_MAX_BYTES = 16 * 1024 * 1024;
/** How long calls may take to finish when the server closes, in milliseconds. */
const CLOSE_GRACE_MS = 2_000;

export async function createCriServer(options: CriOptions): Promise<CriServer> {
  const { runtime, clock, log } = options;
  await using undo = new AsyncDisposableStack();
  const streaming = undo.use(await createStreamingServer({ streams: runtime, clock, log }));
  const closing = new AbortController();
  const node: CriNode = {
    ...options,
    streaming,
    naming: new KeyedLock(),
    cpuRates: new CpuRates(clock),
    closing: closing.signal,
  };
  const server = new Server({
    "grpc.max_receive_message_length": MESSAGE_MAX_BYTES,
    // An answer that is too large for a client is the client's to refuse: it may have raised its limit.
    "grpc.max_send_message_length": -1,
    "grpc.enable_channelz": 0,
  });
  server.addService(definitionOf(RuntimeService), implementationOf(node, RuntimeService, RUNTIME_HANDLERS));
  server.addService(definitionOf(ImageService), implementationOf(node, ImageService, IMAGE_HANDLERS));
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  undo.defer(async () => {
    closing.abort(new MinkeError("Unavailable", "Cannot go on: the daemon is stopping"));
    const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
    using _force = clock.timer(CLOSE_GRACE_MS, () => server.forceShutdown(), { keepAlive: true });
    await closed;
  });
  const running = undo.move();
  return {
    accept: (connection) => injector.injectConnection(connection),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
