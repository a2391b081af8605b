/** Log streams cut at line ends, so that several can share one terminal. */

const NEWLINE = 10;
/** A line longer than this is handed on in pieces. */
const LINE_MAX_BYTES = 1024 * 1024;

/** The bytes of `log` in blocks that end with a line end; only the last may lack one. */
export async function* lineBlocks(log: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of log) {
    const all = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = all.lastIndexOf(NEWLINE) + 1;
    if (end > 0) yield all.subarray(0, end);
    rest = all.subarray(end);
    if (rest.byteLength > LINE_MAX_BYTES) {
      yield rest;
      rest = new Uint8Array(0);
    }
  }
  if (rest.byteLength > 0) yield rest;
}

/** The lines of `log`, each behind `prefix`; a last line gets its line end. */
export async function* prefixed(log: AsyncIterable<Uint8Array>, prefix: string): AsyncGenerator<Uint8Array> {
  const head = Buffer.from(prefix);
  for await (const block of lineBlocks(log)) {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < block.byteLength;) {
      const newline = block.indexOf(NEWLINE, at);
      const end = newline < 0 ? block.byteLength : newline + 1;
      parts.push(head, block.subarray(at, end));
      if (newline < 0) parts.push(Uint8Array.of(NEWLINE));
      at = end;
    }
    yield Buffer.concat(parts);
  }
}
