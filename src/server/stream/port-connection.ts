/** A session with a port inside a Pod as one stream, for clients that want a socket. */
import { Duplex } from "node:stream";

import type { StreamRuntime } from "./session-channels.ts";

type StreamSession = Awaited<ReturnType<StreamRuntime["portForward"]>>;

/**
 * The Pod's end decides: when it has said everything the connection is over, and what it did not care to read is no error. So
 * `Duplex.from` will not do: it loses what is still to be read when the other direction breaks. Destroying it ends the session.
 */
export class PortConnection extends Duplex {
  readonly #session: StreamSession;

  constructor(session: StreamSession) {
    super();
    this.#session = session;
    const { stdin, stdout } = session;
    stdin?.on("error", () => {});
    stdout.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) stdout.pause();
    });
    stdout.on("end", () => this.push(null));
    stdout.on("error", (error: Error) => this.destroy(error));
  }

  override _read(): void {
    this.#session.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#session.stdin?.writable) this.#session.stdin.write(chunk, () => done());
    else done();
  }

  override _final(done: () => void): void {
    this.#session.stdin?.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#session.close();
    done(error);
  }
}
