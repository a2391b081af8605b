/** Cuts a byte stream into SPDY frames. Holds at most one incomplete control frame, and nothing of the data. */
import { CONTROL_FRAME_BYTES_MAX, FLAG_FIN, HEAD_BYTES, MalformedFrame, VERSION } from "./frame.ts";
import type { ControlFrame, DataFrame } from "./frame.ts";

interface DataUnderWay {
  readonly streamId: number;
  readonly fin: boolean;
  left: number;
}

export class FrameReader {
  /** What has come and is no frame yet. */
  #bytes: Buffer = Buffer.alloc(0);
  /** The data frame whose bytes come next. */
  #data: DataUnderWay | undefined;

  /** The frames that `chunk` completes. Throws {@link MalformedFrame}; the reader can not be used after that. */
  *read(chunk: Buffer): Generator<ControlFrame | DataFrame, void> {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    for (let frame = this.#next(); frame; frame = this.#next()) yield frame;
  }

  #next(): ControlFrame | DataFrame | undefined {
    if (this.#data) return this.#piece(this.#data);
    if (this.#bytes.length < HEAD_BYTES) return undefined;
    const first = this.#bytes.readUInt32BE(0);
    const flags = this.#bytes[4]!;
    const length = this.#bytes.readUIntBE(5, 3);
    if (first >>> 31 === 1) return this.#control(first, flags, length);
    if (first === 0) throw new MalformedFrame("data for stream 0");
    this.#take(HEAD_BYTES);
    this.#data = { streamId: first, fin: (flags & FLAG_FIN) !== 0, left: length };
    return this.#piece(this.#data);
  }

  #control(first: number, flags: number, length: number): ControlFrame | undefined {
    const version = (first >>> 16) & 0x7fff;
    if (version !== VERSION) throw new MalformedFrame(`a frame of version ${version}`);
    if (length > CONTROL_FRAME_BYTES_MAX) {
      throw new MalformedFrame(`a control frame of ${length} bytes; at most ${CONTROL_FRAME_BYTES_MAX}`);
    }
    if (this.#bytes.length < HEAD_BYTES + length) return undefined;
    return {
      kind: "control",
      type: first & 0xffff,
      flags,
      payload: this.#take(HEAD_BYTES + length).subarray(HEAD_BYTES),
    };
  }

  /** As much of the data frame as is there; an empty frame is a piece too. */
  #piece(data: DataUnderWay): DataFrame | undefined {
    if (this.#bytes.length === 0 && data.left > 0) return undefined;
    const payload = this.#take(data.left);
    data.left -= payload.length;
    if (data.left === 0) this.#data = undefined;
    return { kind: "data", streamId: data.streamId, payload, fin: data.fin && data.left === 0 };
  }

  #take(count: number): Buffer {
    const taken = this.#bytes.subarray(0, count);
    this.#bytes = this.#bytes.subarray(taken.length);
    return taken;
  }
}
