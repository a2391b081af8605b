/** The part that exec and attach share: join a process' streams with a client's until one of them is gone. */
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";

import type { StreamSession } from "../../runtime/runtime.ts";
import type { SessionChannels } from "./session-channels.ts";

/**
 * Copies in both directions with back-pressure and resolves with the process' exit code when all its output has been
 * taken by the client, or with undefined when the client went first (the session is closed then).
 */
export async function joinStreams(session: StreamSession, channels: SessionChannels): Promise<number | undefined> {
  channels.onResize((size) => session.resize(size.width, size.height));
  if (channels.stdin && session.stdin) copyInput(channels.stdin, session.stdin);
  else if (channels.stdin) channels.stdin.resume();
  const outputs = [copyOutput(session.stdout, channels.stdout)];
  if (session.stderr) outputs.push(copyOutput(session.stderr, channels.stderr));

  const gone = Promise.withResolvers<undefined>();
  const leave = (): void => gone.resolve(undefined);
  channels.gone.addEventListener("abort", leave, { once: true });
  if (channels.gone.aborted) leave();
  try {
    const drained = session.exited.then(async (code) => {
      await Promise.all(outputs);
      return code;
    });
    drained.catch(() => {});
    return await Promise.race([drained, gone.promise]);
  } finally {
    channels.gone.removeEventListener("abort", leave);
    channels.stdin?.unpipe();
    channels.stdin?.resume();
    session.close();
  }
}

/** The client's end of input closes the process' standard input. A process that closed its own end is no error. */
export function copyInput(from: Readable, to: NodeJS.WritableStream): void {
  to.on("error", () => {
    from.unpipe(to);
    from.resume();
  });
  from.on("error", () => to.end());
  from.pipe(to);
}

/** Resolves when `from` has ended and `to` has taken everything; never rejects: a client that left is told by `gone`. */
async function copyOutput(from: NodeJS.ReadableStream, to: Writable | undefined): Promise<void> {
  from.on("error", () => to?.end());
  if (!to) {
    from.resume();
    return;
  }
  from.pipe(to);
  await finished(to, { readable: false }).catch(() => from.unpipe(to).resume());
}
