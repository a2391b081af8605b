/** The entry point of the command `minke`. Loads little: each command brings what it needs. */
import { systemClock } from "../base/clock.ts";
import type { Client } from "../sdk/client.ts";
import { addressOf, type CliContext } from "./context.ts";
import { runLine } from "./run.ts";

const { stdin, stdout, stderr, env } = process;

// Whoever reads our output may have enough of it, as `head` does: no error.
let outputGone = (): void => process.exit(0);
for (const stream of [stdout, stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") process.exit(1);
    outputGone();
  });
}

// Timers do not keep Node alive here (src/base/clock.ts); a command that waits for nothing else must not end early.
const alive = new MessageChannel();
alive.port1.addEventListener("message", () => {});
alive.port1.ref();

const clients: Client[] = [];

function contextFor(afterDashes: readonly string[] | undefined, exit: (code: number) => void): CliContext {
  return {
    process: { stdout, stderr },
    stdin,
    stdout,
    stderr,
    env,
    clock: systemClock,
    afterDashes,
    exit,
    whenOutputGone: (handler) => void (outputGone = handler),
    async client(flags) {
      const { clientFor } = await import("../sdk/connect.ts");
      const client = clientFor({
        ...addressOf(flags, env),
        onWarning: (text) => void stderr.write(`Warning: ${text}\n`),
      });
      clients.push(client);
      return client;
    },
    async print(text) {
      if (!stdout.write(text)) await new Promise<void>((resolve) => stdout.once("drain", () => resolve()));
    },
    note: (line) => void stderr.write(`${line}\n`),
  };
}

const code = await runLine(process.argv.slice(2), contextFor);
for (const client of clients) client[Symbol.dispose]();
// Pending output first: a slow reader of a pipe must get all of it.
await Promise.all(
  [stdout, stderr].map((stream) => new Promise<void>((resolve) => void stream.write("", () => resolve()))),
);
process.exit(code);
