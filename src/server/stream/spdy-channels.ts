/**
 * Remote command channels (exec, attach) over SPDY: one stream each, which the client opens and names in the header
 * `streamtype`. Kubernetes: cri-streaming remotecommand/httpstream.go, client-go remotecommand/v1.go … v5.go.
 */
import type { Duplex } from "node:stream";
import { finished } from "node:stream/promises";

import type { Clock } from "../../base/clock.ts";
import { MinkeError } from "../../base/errors.ts";
import { errorChannelText } from "./session-channels.ts";
import type { SessionChannels, StreamOptions } from "./session-channels.ts";
import { SpdyConnection } from "./spdy/connection.ts";
import type { SpdyStream } from "./spdy/stream.ts";
import { TerminalSizes } from "./terminal-size.ts";
import type { ChannelProtocol } from "./websocket-protocol.ts";

/** How long a client has to open the streams that belong together, in milliseconds. Kubernetes: DefaultStreamCreationTimeout. */
export const STREAM_CREATION_TIMEOUT_MS = 30_000;

/** Waits for all streams that the client asked for. Rejects when it leaves, or does not open them in time. */
export async function spdyChannels(
  transport: Duplex,
  protocol: ChannelProtocol,
  options: StreamOptions,
  clock: Clock,
): Promise<SessionChannels> {
  const missing = new Set(streamTypes(protocol, options));
  const streams = new Map<string, SpdyStream>();
  const complete = Promise.withResolvers<void>();
  const connection = new SpdyConnection(transport, {
    clock,
    onStream(stream) {
      const type = stream.headers.get("streamtype") ?? "";
      if (!missing.delete(type)) return stream.refuse();
      streams.set(type, stream);
      stream.accept();
      if (missing.size === 0) complete.resolve();
    },
  });
  const fail = (): void => complete.reject(streamsMissing([...missing]));
  connection.gone.addEventListener("abort", fail, { once: true });
  using _ = clock.timer(STREAM_CREATION_TIMEOUT_MS, () => connection.destroy());
  await complete.promise;
  return joined(connection, streams, protocol);
}

function streamsMissing(types: readonly string[]): MinkeError {
  return new MinkeError(
    "DeadlineExceeded",
    `Cannot start the session: the client left, or took more than ${STREAM_CREATION_TIMEOUT_MS / 1000} s, before it had opened its streams (${types.join(", ")})`,
  );
}

function streamTypes(protocol: ChannelProtocol, options: StreamOptions): string[] {
  return [
    "error",
    ...(options.stdin ? ["stdin"] : []),
    ...(options.stdout ? ["stdout"] : []),
    ...(options.stderr && !options.tty ? ["stderr"] : []),
    ...(options.tty && protocol.version >= 3 ? ["resize"] : []),
  ];
}

function joined(
  connection: SpdyConnection,
  streams: ReadonlyMap<string, SpdyStream>,
  protocol: ChannelProtocol,
): SessionChannels {
  const [stdin, stdout, stderr] = ["stdin", "stdout", "stderr"].map((type) => streams.get(type));
  const sizes = new TerminalSizes();
  streams.get("resize")?.on("data", (chunk: Buffer) => sizes.read(chunk));
  // The client sends nothing on these but their end.
  for (const type of ["error", "stdout", "stderr"]) streams.get(type)?.resume();
  return {
    ...(stdin ? { stdin } : {}),
    ...(stdout ? { stdout } : {}),
    ...(stderr ? { stderr } : {}),
    gone: connection.gone,
    onResize: (listener) => sizes.listen(listener),
    async finish(result) {
      // kubectl waits for the end of its output first, then reads the error stream to its end.
      const error = streams.get("error")!;
      for (const stream of streams.values()) if (stream !== error) stream.end();
      error.end(errorChannelText(protocol.version, result));
      stdin?.resume();
      await Promise.allSettled([...streams.values()].map((stream) => finished(stream, { readable: false })));
      await connection.close();
    },
  };
}
