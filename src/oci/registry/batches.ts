/** The chunks of a stream in larger pieces. TLS brings 16 KiB at a time; each piece costs turns of the event loop further on. */
import type { Readable } from "node:stream";

/** Bytes that are collected while the reader is busy; then the stream is paused. Several wait further on, for each layer. */
const BATCH_BYTES_MAX = 256 * 1024;

/** What has come since the last piece was taken, at once when the reader waits. Ends and fails as the stream does. */
export async function* batches(stream: Readable): AsyncGenerator<Buffer> {
  const state = { chunks: [] as Buffer[], bytes: 0, isOver: false, failure: undefined as unknown, wake: () => {} };
  stream.on("data", (chunk: Buffer) => {
    state.chunks.push(chunk);
    state.bytes += chunk.length;
    if (state.bytes >= BATCH_BYTES_MAX) stream.pause();
    state.wake();
  });
  stream.on("error", (error) => (state.failure ??= error));
  stream.on("end", () => (state.isOver = true));
  stream.on("close", () => {
    if (!state.isOver) state.failure ??= new Error("the connection was closed in the middle of the answer");
    state.isOver = true;
    state.wake();
  });
  try {
    for (;;) {
      while (state.chunks.length === 0 && !state.isOver) {
        await new Promise<void>((resolve) => (state.wake = resolve));
      }
      const ready = state.chunks;
      state.chunks = [];
      state.bytes = 0;
      if (ready.length > 0) yield ready.length === 1 ? ready[0]! : Buffer.concat(ready);
      else if (state.failure !== undefined) throw state.failure;
      else return;
      if (!state.isOver) stream.resume();
    }
  } finally {
    stream.destroy();
  }
}
