/**
 * Port forwarding over SPDY (`portforward.k8s.io`): for each connection the client opens two streams, `error` and `data`, that
 * carry the port and a common request id. Kubernetes: cri-streaming portforward/httpstream.go, client-go tools/portforward.
 */
import type { Duplex } from "node:stream";

import type { Clock } from "../../base/clock.ts";
import { servePort } from "./port-forward-session.ts";
import type { StreamRuntime } from "./session-channels.ts";
import { SpdyConnection, STREAMS_MAX } from "./spdy/connection.ts";
import type { SpdyStream } from "./spdy/stream.ts";
import { STREAM_CREATION_TIMEOUT_MS } from "./spdy-channels.ts";

/** Forwarded connections of one client at a time: two streams each, and a process in the Pod's network. More are refused. */
export const FORWARDS_MAX = STREAMS_MAX / 2;

/** The streams of one request, until both are there. */
interface Pair {
  readonly first: SpdyStream;
  readonly timer: Disposable;
}

/** Serves connections until the client leaves. Never rejects. */
export async function serveSpdyPortForward(
  runtime: StreamRuntime,
  sandboxId: string,
  transport: Duplex,
  clock: Clock,
): Promise<void> {
  const pairs = new Map<string, Pair>();
  let forwards = 0;
  const connection = new SpdyConnection(transport, { clock, onStream: receive });
  await new Promise<void>((resolve) => connection.gone.addEventListener("abort", () => resolve(), { once: true }));
  for (const { timer } of pairs.values()) timer[Symbol.dispose]();

  function receive(stream: SpdyStream): void {
    const type = typeOf(stream);
    if (type === undefined || portOf(stream) === undefined) return stream.refuse();
    const id = stream.headers.get("requestid") ?? String(type === "error" ? stream.id : stream.id - 2);
    const pair = pairs.get(id);
    if (!pair) {
      if (forwards + pairs.size >= FORWARDS_MAX) return stream.refuse();
      stream.accept();
      pairs.set(id, { first: stream, timer: clock.timer(STREAM_CREATION_TIMEOUT_MS, () => giveUp(id, stream)) });
      return;
    }
    if (typeOf(pair.first) === type) return stream.refuse();
    stream.accept();
    pairs.delete(id);
    pair.timer[Symbol.dispose]();
    forwards++;
    const [data, error] = type === "data" ? [stream, pair.first] : [pair.first, stream];
    void forward(runtime, sandboxId, data, error).finally(() => forwards--);
  }

  function giveUp(id: string, first: SpdyStream): void {
    pairs.delete(id);
    if (typeOf(first) === "error") first.resume().end(`request ${id} timed out waiting for streams`);
    else first.destroy();
  }
}

/** Never rejects. */
async function forward(runtime: StreamRuntime, sandboxId: string, data: SpdyStream, error: SpdyStream): Promise<void> {
  const gone = new AbortController();
  data.once("close", () => gone.abort());
  if (data.destroyed) gone.abort();
  error.resume();
  await servePort(runtime, sandboxId, portOf(data)!, {
    input: data,
    output: data,
    gone: gone.signal,
    fail: async (message) => void error.write(message),
  });
  // The client waits for the end of this one, too, and takes any text on it for a failure.
  error.end();
}

function typeOf({ headers }: SpdyStream): "error" | "data" | undefined {
  const type = headers.get("streamtype");
  return type === "error" || type === "data" ? type : undefined;
}

function portOf({ headers }: SpdyStream): number | undefined {
  const text = headers.get("port") ?? "";
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port > 0 && port <= 0xffff ? port : undefined;
}
