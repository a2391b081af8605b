/** One stream of a SPDY connection, as a Duplex whose two halves end on their own. */
import { Duplex } from "node:stream";

import { RESET } from "./frame.ts";

/** How much of one stream is buffered in either direction before its source is stopped, in bytes. */
const STREAM_BUFFER_BYTES = 64 * 1024;
/** The peer is told of this many taken bytes at a time: a quarter of the window that SPDY gives every new stream. */
const CREDIT_BYTES_MIN = 16 * 1024;

/** What a stream needs of its connection. */
export interface StreamCarrier {
  reply(streamId: number): void;
  /** Sends data; `done` is called when the transport took it, or with an error when the connection has ended. */
  send(streamId: number, payload: Buffer, fin: boolean, done: (error?: Error | null) => void): void;
  reset(streamId: number, status: number): void;
  /** Tells the peer that it may send as many more bytes; `done` when the transport took it. */
  credit(streamId: number, bytes: number, done: () => void): void;
  /** The stream has room again. */
  relieved(stream: SpdyStream): void;
  /** The stream has ended in both directions, or was reset. */
  forget(stream: SpdyStream): void;
}

/**
 * The owner answers it once, by {@link accept} or {@link refuse}, and reads it or calls `resume()`. An end of the connection
 * or a reset by the peer destroys it, without an error: its `close` event tells.
 */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly #carrier: StreamCarrier;
  #peerEnded = false;
  #ended = false;
  #lagging = false;
  /** Bytes taken since the peer was last told. */
  #taken = 0;
  /** A credit waits for the transport: the next one must not queue up behind it. */
  #crediting = false;

  constructor(id: number, headers: ReadonlyMap<string, string>, carrier: StreamCarrier) {
    super({ readableHighWaterMark: STREAM_BUFFER_BYTES, writableHighWaterMark: STREAM_BUFFER_BYTES });
    this.id = id;
    this.headers = headers;
    this.#carrier = carrier;
    this.on("error", () => {});
  }

  /** Must come before the first write: Kubernetes' clients drop data that is ahead of the reply. */
  accept(): void {
    this.#carrier.reply(this.id);
  }

  refuse(): void {
    this.#end(RESET.refusedStream);
  }

  /** Takes what the peer sent. */
  receive(payload: Buffer, fin: boolean): void {
    if (this.destroyed || this.#peerEnded) return;
    if (payload.length > 0) {
      this.#taken += payload.length;
      this.#lagging = !this.push(payload);
      if (!this.#lagging) this.#credit();
    }
    if (!fin) return;
    this.#peerEnded = true;
    this.push(null);
    this.#forgetWhenOver();
  }

  /** The peer has reset the stream, or the connection has ended. */
  abandon(): void {
    this.#end(undefined);
  }

  /** Whether the peer is to be held back for this stream's sake. */
  get lagging(): boolean {
    return this.#lagging;
  }

  override _read(): void {
    if (!this.#lagging) return;
    this.#lagging = false;
    this.#credit();
    this.#carrier.relieved(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#carrier.send(this.id, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#ended = true;
    this.#carrier.send(this.id, Buffer.alloc(0), true, done);
    this.#forgetWhenOver();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#ended || !this.#peerEnded) this.#carrier.reset(this.id, RESET.cancel);
    this.#ended = true;
    this.#peerEnded = true;
    this.#carrier.forget(this);
    done(error);
  }

  #end(status: number | undefined): void {
    if (this.destroyed) return;
    if (status !== undefined) this.#carrier.reset(this.id, status);
    this.#ended = true;
    this.#peerEnded = true;
    this.destroy();
  }

  #credit(): void {
    if (this.#peerEnded || this.#crediting || this.#taken < CREDIT_BYTES_MIN) return;
    this.#crediting = true;
    const bytes = this.#taken;
    this.#taken = 0;
    this.#carrier.credit(this.id, bytes, () => {
      this.#crediting = false;
      if (!this.#lagging) this.#credit();
    });
  }

  #forgetWhenOver(): void {
    if (this.#ended && this.#peerEnded) this.#carrier.forget(this);
  }
}
