/**
 * The agent's framing: 4 bytes length (big endian), then fields, each 4 bytes length and its bytes. Binary-safe, and one
 * `pack` on the Perl side.
 */

export type Field = string | number | Uint8Array;

/** Encodes one frame. Numbers travel as decimal text. */
export function encodeFrame(fields: readonly Field[]): Buffer {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const field of fields) {
    const bytes = typeof field === "object" ? field : Buffer.from(String(field));
    const header = Buffer.allocUnsafe(4);
    header.writeUInt32BE(bytes.length);
    parts.push(header, bytes);
    length += 4 + bytes.length;
  }
  const header = Buffer.allocUnsafe(4);
  header.writeUInt32BE(length);
  return Buffer.concat([header, ...parts], 4 + length);
}

/** Cuts a byte stream into frames, however it was split on its way. */
export class FrameDecoder {
  #chunks: Buffer[] = [];
  #length = 0;

  /** Takes the next bytes and returns the fields of every frame that is now complete. */
  push(chunk: Buffer): Buffer[][] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const frames: Buffer[][] = [];
    for (;;) {
      const need = this.#frameLength();
      if (need === undefined || this.#length < need) return frames;
      const all = this.#joined();
      frames.push(fieldsOf(all.subarray(4, need)));
      this.#length -= need;
      this.#chunks = this.#length === 0 ? [] : [all.subarray(need)];
    }
  }

  /** Length of the first frame with its header; undefined before the header is complete. */
  #frameLength(): number | undefined {
    if (this.#length < 4) return undefined;
    const head = this.#chunks[0]!.length >= 4 ? this.#chunks[0]! : this.#joined();
    return 4 + head.readUInt32BE();
  }

  #joined(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#length);
    this.#chunks = [all];
    return all;
  }
}

function fieldsOf(body: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at < body.length;) {
    const length = body.readUInt32BE(at);
    fields.push(body.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return fields;
}
