/** The part that exec and attach share: join a process' streams with a client's until one of them is gone. */
import type { Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";

import { MinkeError } from "../../base/errors.ts";
import type { StreamSession } from "../../runtime/runtime.ts";
import type { SessionChannels } from "./session-channels.ts";

/**
 * Copies in both directions with back-pressure and resolves with the process' exit code when all its output has been
 * taken by the client, or with undefined when the client went first. Rejects with `Unavailable` when `stopping` aborts before.
 * The session is closed in all cases.
 */
export async function joinStreams(
  session: StreamSession,
  channels: SessionChannels,
  stopping: AbortSignal,
): Promise<number | undefined> {
  channels.onResize((size) => session.resize(size.width, size.height));
  if (channels.stdin && session.stdin) copyInput(channels.stdin, session.stdin);
  else if (channels.stdin) channels.stdin.resume();
  const outputs = [copyOutput(session.stdout, channels.stdout)];
  if (session.stderr) outputs.push(copyOutput(session.stderr, channels.stderr));

  const early = Promise.withResolvers<undefined>();
  const leave = (): void => early.resolve(undefined);
  const stop = (): void =>
    early.reject(new MinkeError("Unavailable", "Cannot go on with the session: the server stops"));
  channels.gone.addEventListener("abort", leave, { once: true });
  stopping.addEventListener("abort", stop, { once: true });
  if (channels.gone.aborted) leave();
  if (stopping.aborted) stop();
  try {
    const drained = session.exited.then(async (code) => {
      await Promise.all(outputs);
      return code;
    });
    drained.catch(() => {});
    return await Promise.race([drained, early.promise]);
  } finally {
    channels.gone.removeEventListener("abort", leave);
    stopping.removeEventListener("abort", stop);
    channels.stdin?.unpipe();
    channels.stdin?.resume();
    for (const output of [session.stdout, session.stderr]) output?.unpipe().resume();
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
