/**
 * The server's side of a SPDY/3.1 connection over any byte stream: the client opens streams, we answer them.
 * SPDY/3.1: chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1. Its clients here are Kubernetes' (moby/spdystream), which
 * send no WINDOW_UPDATE: so windows do not bind what we send, and the transport's back-pressure does. We do tell our windows.
 */
import type { Duplex } from "node:stream";

import type { Clock } from "../../../base/clock.ts";
import {
  DATA_FRAME_BYTES_MAX,
  dataHead,
  FLAG_FIN,
  FLAG_UNIDIRECTIONAL,
  FRAME_TYPE,
  GO_AWAY,
  goAway,
  MalformedFrame,
  ping,
  RESET,
  rstStream,
  synReply,
  windowUpdate,
} from "./frame.ts";
import type { ControlFrame, DataFrame } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { HeaderReader } from "./header-block.ts";
import { SpdyStream } from "./stream.ts";
import type { StreamCarrier } from "./stream.ts";

/** Streams that one connection may have open; more are refused. */
export const STREAMS_MAX = 512;
/**
 * How much of all streams together waits for readers that lag before the client is held back altogether, in bytes. There is
 * one byte stream below, so holding back one stream holds back all: a slow one should not do it at once.
 */
export const RECEIVE_BUFFER_BYTES = 2 * 1024 * 1024;
/** Answers (to pings, to new streams) that may wait for a client that does not read; one more ends the connection. */
const ANSWERS_WAITING_MAX = 2 * STREAMS_MAX;
/** A connection on which nothing moves is ended, in milliseconds. Kubernetes: kubelet's streamingConnectionIdleTimeout. */
export const IDLE_TIMEOUT_MS = 4 * 60 * 60 * 1000;
/** How long a client that broke the protocol has to take our farewell, in milliseconds. */
const FAREWELL_TIMEOUT_MS = 5_000;

export interface SpdyConnectionOptions {
  readonly clock: Clock;
  /** Called for every stream that the client opens; must accept or refuse it. */
  readonly onStream: (stream: SpdyStream) => void;
}

export class SpdyConnection {
  readonly #transport: Duplex;
  readonly #options: SpdyConnectionOptions;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #lagging = new Set<SpdyStream>();
  readonly #gone = new AbortController();
  #headers: HeaderReader | undefined;
  #lastStreamId = 0;
  #replied = false;
  #answersWaiting = 0;
  #leaving = false;
  #relieved: (() => void) | undefined;
  #activeMs: number;
  #idle: Disposable | undefined;

  constructor(transport: Duplex, options: SpdyConnectionOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#activeMs = options.clock.monotonic();
    transport.on("error", () => transport.destroy());
    transport.on("close", () => this.#end());
    this.#watchIdle();
    void this.#receive();
  }

  /** Aborts when the connection has ended. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /**
   * Says farewell behind all that was written, and resolves when the client has closed the connection. We do not close it first:
   * what the client has not read yet could be lost.
   */
  async close(): Promise<void> {
    if (this.gone.aborted) return;
    const ended = new Promise<void>((resolve) => this.gone.addEventListener("abort", () => resolve(), { once: true }));
    this.#leave(GO_AWAY.ok);
    await ended;
  }

  /** Ends the connection now. */
  destroy(): void {
    this.#transport.destroy();
  }

  async #receive(): Promise<void> {
    const reader = new FrameReader();
    try {
      // Not destroyed on the way out, as a farewell may be left to say.
      const chunks = this.#transport.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
      for await (const chunk of chunks) {
        this.#activeMs = this.#options.clock.monotonic();
        for (const frame of reader.read(chunk)) {
          if (frame.kind === "data") this.#receiveData(frame);
          else await this.#receiveControl(frame);
        }
        await this.#whileFull();
      }
    } catch (error) {
      if (error instanceof MalformedFrame) await this.#farewell();
    } finally {
      this.#transport.destroy();
      this.#end();
    }
  }

  #receiveData({ streamId, payload, fin }: DataFrame): void {
    const stream = this.#streams.get(streamId);
    if (stream) {
      stream.receive(payload, fin);
      if (stream.lagging) this.#lagging.add(stream);
    } else if (streamId > this.#lastStreamId) {
      throw new MalformedFrame(`data for stream ${streamId}, which was never opened`);
    }
    // A stream that was reset, or whose end has crossed the client's data on the way, takes no more.
  }

  async #receiveControl({ type, flags, payload }: ControlFrame): Promise<void> {
    switch (type) {
      case FRAME_TYPE.synStream:
        return this.#open(payload, flags);
      case FRAME_TYPE.headers: {
        await this.#readHeaders(sized(payload, 4, Infinity).subarray(4));
        if (flags & FLAG_FIN) this.#streams.get(streamIdIn(payload))?.receive(Buffer.alloc(0), true);
        return;
      }
      case FRAME_TYPE.rstStream:
        return this.#streams.get(streamIdIn(sized(payload, 8)))?.abandon();
      case FRAME_TYPE.ping: {
        const id = sized(payload, 4).readUInt32BE();
        // Even ids are answers to ours, and we send none.
        if (id % 2 === 1) this.#answer(ping(id));
        return;
      }
      case FRAME_TYPE.goAway:
        sized(payload, 8);
        this.#leaving = true;
        return this.#leaveWhenOver();
      case FRAME_TYPE.synReply:
        throw new MalformedFrame("a reply to a stream that we did not open");
      case FRAME_TYPE.windowUpdate:
        sized(payload, 8);
    }
    // SETTINGS ask nothing of us, and types that we do not know are to be ignored.
  }

  async #open(payload: Buffer, flags: number): Promise<void> {
    const id = streamIdIn(sized(payload, 10, Infinity));
    const headers = await this.#readHeaders(payload.subarray(10));
    if (id % 2 === 0 || id <= this.#lastStreamId) throw new MalformedFrame(`a new stream with id ${id}`);
    this.#lastStreamId = id;
    if (this.#leaving || this.gone.aborted) return;
    if (this.#streams.size >= STREAMS_MAX || flags & FLAG_UNIDIRECTIONAL) {
      return this.#answer(rstStream(id, RESET.refusedStream));
    }
    const stream = new SpdyStream(id, headers, this.#carrier);
    this.#streams.set(id, stream);
    if (flags & FLAG_FIN) stream.receive(Buffer.alloc(0), true);
    this.#options.onStream(stream);
  }

  async #readHeaders(block: Buffer): Promise<ReadonlyMap<string, string>> {
    this.#headers ??= new HeaderReader();
    return this.#headers.read(block);
  }

  readonly #carrier: StreamCarrier = {
    reply: (id) => {
      this.#answer(synReply(id, !this.#replied));
      this.#replied = true;
    },
    send: (id, payload, fin, done) => {
      const frames: Buffer[] = [];
      let offset = 0;
      do {
        const part = payload.subarray(offset, offset + DATA_FRAME_BYTES_MAX);
        offset += part.length;
        frames.push(dataHead(id, part.length, fin && offset === payload.length));
        if (part.length > 0) frames.push(part);
      } while (offset < payload.length);
      this.#write(frames, done);
    },
    reset: (id, status) => this.#answer(rstStream(id, status)),
    credit: (id, bytes, done) => this.#write([windowUpdate(id, bytes)], done),
    relieved: (stream) => {
      this.#lagging.delete(stream);
      this.#relieved?.();
    },
    forget: (stream) => {
      this.#streams.delete(stream.id);
      this.#lagging.delete(stream);
      this.#relieved?.();
      this.#leaveWhenOver();
    },
  };

  /** Waits while the readers of streams leave too much lying. */
  async #whileFull(): Promise<void> {
    const waiting = (): number => [...this.#lagging].reduce((sum, stream) => sum + stream.readableLength, 0);
    while (!this.gone.aborted && waiting() > RECEIVE_BUFFER_BYTES) {
      await new Promise<void>((resolve) => (this.#relieved = resolve));
    }
    this.#relieved = undefined;
  }

  /** Sends a small frame that the client caused. */
  #answer(frame: Buffer): void {
    if (this.#answersWaiting >= ANSWERS_WAITING_MAX) return this.destroy();
    this.#answersWaiting++;
    this.#write([frame], () => this.#answersWaiting--);
  }

  #write(frames: readonly Buffer[], done: (error?: Error | null) => void): void {
    if (this.gone.aborted || this.#transport.writableEnded) return done(new Error("the connection has ended"));
    this.#activeMs = this.#options.clock.monotonic();
    this.#transport.cork();
    for (const frame of frames.slice(0, -1)) this.#transport.write(frame);
    this.#transport.write(frames.at(-1), done);
    this.#transport.uncork();
  }

  /** Takes no new streams and ends our direction. */
  #leave(status: number): void {
    this.#leaving = true;
    if (!this.#transport.writableEnded) this.#transport.end(goAway(this.#lastStreamId, status));
  }

  #leaveWhenOver(): void {
    if (this.#leaving && this.#streams.size === 0 && !this.gone.aborted) this.#leave(GO_AWAY.ok);
  }

  /** Tells the client that it broke the protocol, as far as it still reads. */
  async #farewell(): Promise<void> {
    this.#end();
    const { promise, resolve } = Promise.withResolvers<void>();
    using _ = this.#options.clock.timer(FAREWELL_TIMEOUT_MS, resolve);
    this.#transport.on("finish", resolve).on("close", resolve);
    this.#leave(GO_AWAY.protocolError);
    await promise;
  }

  #end(): void {
    if (this.gone.aborted) return;
    this.#gone.abort();
    this.#idle?.[Symbol.dispose]();
    this.#headers?.close();
    for (const stream of this.#streams.values()) stream.abandon();
    this.#relieved?.();
  }

  #watchIdle(): void {
    const left = this.#activeMs + IDLE_TIMEOUT_MS - this.#options.clock.monotonic();
    if (left <= 0) return this.destroy();
    this.#idle = this.#options.clock.timer(left, () => this.#watchIdle());
  }
}

/** The payload, if it has as many bytes as it must. */
function sized(payload: Buffer, min: number, max = min): Buffer {
  if (payload.length >= min && payload.length <= max) return payload;
  throw new MalformedFrame(`a control frame of ${payload.length} bytes`);
}

function streamIdIn(payload: Buffer): number {
  return payload.readUInt32BE() & 0x7fffffff;
}
