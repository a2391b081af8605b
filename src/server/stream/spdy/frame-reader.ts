/** Cuts a byte stream into SPDY frames. Holds at most one incomplete control frame. */
import { CONTROL_FRAME_BYTES_MAX, FLAG_FIN, HEAD_BYTES, MalformedFrame, VERSION } from "./frame.ts";
import type { ControlFrame, DataFrame } from "./frame.ts";

export class FrameReader {
  /** The beginning of a head or control frame. */
  #rest: Buffer = Buffer.alloc(0);
  /** The data frame whose bytes come next. */
  #data: { readonly streamId: number; readonly fin: boolean; left: number } | undefined;

  /** The frames that `chunk` completes. Throws {@link MalformedFrame}; the reader can not be used after that. */
  *read(chunk: Buffer): Generator<ControlFrame | DataFrame, void> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = Buffer.alloc(0);
    for (;;) {
      if (this.#data) {
        if (bytes.length === 0 && this.#data.left > 0) return;
        const { streamId, fin } = this.#data;
        const payload = bytes.subarray(0, this.#data.left);
        bytes = bytes.subarray(payload.length);
        this.#data.left -= payload.length;
        const whole = this.#data.left === 0;
        if (whole) this.#data = undefined;
        yield { kind: "data", streamId, payload, fin: fin && whole };
        continue;
      }
      if (bytes.length < HEAD_BYTES) break;
      const length = bytes.readUInt32BE(4) & 0xffffff;
      const first = bytes.readUInt32BE(0);
      const flags = bytes[4]!;
      if (first >>> 31 === 0) {
        if (first === 0) throw new MalformedFrame("data for stream 0");
        this.#data = { streamId: first, fin: (flags & FLAG_FIN) !== 0, left: length };
        bytes = bytes.subarray(HEAD_BYTES);
        continue;
      }
      const version = (first >>> 16) & 0x7fff;
      if (version !== VERSION) throw new MalformedFrame(`a frame of version ${version}`);
      if (length > CONTROL_FRAME_BYTES_MAX) {
        throw new MalformedFrame(`a control frame of ${length} bytes; at most ${CONTROL_FRAME_BYTES_MAX}`);
      }
      if (bytes.length < HEAD_BYTES + length) break;
      const payload = bytes.subarray(HEAD_BYTES, HEAD_BYTES + length);
      bytes = bytes.subarray(HEAD_BYTES + length);
      yield { kind: "control", type: first & 0xffff, flags, payload };
    }
    this.#rest = bytes;
  }
}
