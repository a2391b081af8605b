/**
 * A WebSocket as numbered channels of Node streams, with back-pressure both ways: a channel's write is done when the
 * socket took it, and a reader that lags stops the socket from being read.
 */
import { Readable, Writable } from "node:stream";
import type { WebSocket } from "ws";

import type { Clock } from "../../base/clock.ts";
import { decodeMessage, encodeMessage } from "./websocket-protocol.ts";
import type { ChannelProtocol } from "./websocket-protocol.ts";

/** Largest message taken from a client, in bytes; kubectl sends at most 32 KiB. */
export const MESSAGE_MAX_BYTES = 4 * 1024 * 1024;
/** How often a quiet peer is asked for a sign of life; it is given up when it misses {@link PINGS_MISSED_MAX} in a row. */
const PING_EVERY_MS = 20_000;
const PINGS_MISSED_MAX = 6;
/** How much of one channel is buffered in either direction before its source is stopped, in bytes. */
const CHANNEL_BUFFER_BYTES = 256 * 1024;
/** How long a peer may take to answer a close, in milliseconds. */
const CLOSE_TIMEOUT_MS = 5_000;

export class WebSocketLink {
  readonly #socket: WebSocket;
  readonly #protocol: ChannelProtocol;
  readonly #clock: Clock;
  readonly #gone = new AbortController();
  readonly #lagging = new Set<Readable>();
  readonly #inputs = new Map<number, (payload: Buffer) => void>();
  #timer: Disposable | undefined;
  #missed = 0;

  constructor(socket: WebSocket, protocol: ChannelProtocol, clock: Clock) {
    this.#socket = socket;
    this.#protocol = protocol;
    this.#clock = clock;
    socket.on("message", (data) => this.#receive(data as Buffer));
    socket.on("pong", () => (this.#missed = 0));
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      this.#timer?.[Symbol.dispose]();
      this.#gone.abort();
    });
    this.#ping();
  }

  /** Aborts when the connection has ended. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Calls `listener` for each message of `channel`; messages of channels that nobody reads are dropped. */
  receive(channel: number, listener: (payload: Buffer) => void): void {
    this.#inputs.set(channel, listener);
  }

  /** The channel as a stream of the client's bytes. It ends when {@link endInput} is called or the connection ends. */
  input(channel: number): Readable {
    const readable = new Readable({
      highWaterMark: CHANNEL_BUFFER_BYTES,
      read: () => {
        if (this.#lagging.delete(readable) && this.#lagging.size === 0) this.#socket.resume();
      },
    });
    this.receive(channel, (payload) => {
      if (payload.length === 0 || readable.readableEnded || readable.destroyed) return;
      if (readable.push(payload)) return;
      this.#lagging.add(readable);
      this.#socket.pause();
    });
    this.gone.addEventListener("abort", () => this.endInput(channel, readable), { once: true });
    return readable;
  }

  /** Ends an input stream: the client has closed that direction. */
  endInput(channel: number, readable: Readable): void {
    if (!this.#inputs.delete(channel)) return;
    readable.push(null);
  }

  /** The channel as a stream to the client. */
  output(channel: number): Writable {
    const writable = new Writable({
      highWaterMark: CHANNEL_BUFFER_BYTES,
      write: (chunk: Buffer, _encoding, done) => this.#send(channel, chunk, done),
    });
    const drop = (): void => void writable.destroy();
    this.gone.addEventListener("abort", drop, { once: true });
    writable.on("close", () => this.gone.removeEventListener("abort", drop));
    writable.on("error", () => {});
    return writable;
  }

  /** Sends one message; resolves when the socket took it or is gone. */
  async send(channel: number, payload: Uint8Array): Promise<void> {
    await new Promise<void>((resolve) => this.#send(channel, payload, () => resolve()));
  }

  /** Closes with code 1000 and resolves when the connection has ended. */
  async close(): Promise<void> {
    if (this.gone.aborted) return;
    const ended = new Promise<void>((resolve) => this.gone.addEventListener("abort", () => resolve(), { once: true }));
    this.#lagging.clear();
    this.#socket.resume();
    this.#socket.close(1000);
    using _ = this.#clock.timer(CLOSE_TIMEOUT_MS, () => this.#socket.terminate());
    await ended;
  }

  #send(channel: number, payload: Uint8Array, done: (error?: Error | null) => void): void {
    if (this.gone.aborted) return done(new Error("the connection has ended"));
    this.#socket.send(encodeMessage(this.#protocol, channel, payload), { binary: !this.#protocol.base64 }, (error) =>
      done(error ?? null),
    );
  }

  #receive(data: Buffer): void {
    this.#missed = 0;
    const message = decodeMessage(this.#protocol, data);
    if (message) this.#inputs.get(message.channel)?.(message.payload);
  }

  #ping(): void {
    this.#timer = this.#clock.timer(PING_EVERY_MS, () => {
      // While we hold the peer back its answer does not reach us: then only a broken connection counts, not a missing answer.
      // Nor do we see its own pings, and kubectl gives up after a minute without a pong; RFC 6455 §5.5.3 allows one unasked.
      if (this.#lagging.size > 0) this.#socket.pong(undefined, undefined, () => {});
      else if (this.#missed++ >= PINGS_MISSED_MAX) return this.#socket.terminate();
      this.#socket.ping(undefined, undefined, () => {});
      this.#ping();
    });
  }
}
