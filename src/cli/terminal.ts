/** Joins this terminal (or pipe) to a session in a container. */
import type { Session } from "../sdk/channels.ts";
import type { CliContext } from "./context.ts";

export interface JoinOptions {
  readonly stdin: boolean;
  readonly tty: boolean;
}

/** Copies until the session ends; resolves with its exit code. The terminal is put back as it was, whatever happens. */
export async function join(context: CliContext, session: Session, options: JoinOptions): Promise<number> {
  using cleanup = new DisposableStack();
  if (options.tty) cleanup.use(rawTerminal(context, session));
  if (options.stdin) cleanup.use(feed(context, session));
  for await (const { stream, data } of session.output) {
    const target = stream === "stderr" ? context.stderr : context.stdout;
    if (!target.write(data)) await new Promise<void>((resolve) => target.once("drain", () => resolve()));
  }
  return await session.exitCode;
}

/** Raw mode, and the window's size now and whenever it changes. */
function rawTerminal(context: CliContext, session: Session): Disposable {
  const { stdin, stdout } = context;
  const raw = stdin.isTTY;
  if (raw) stdin.setRawMode(true);
  const resize = (): void => void session.resize(stdout.columns, stdout.rows).catch(() => {});
  if (stdout.isTTY) {
    stdout.on("resize", resize);
    resize();
  }
  return {
    [Symbol.dispose]() {
      stdout.off("resize", resize);
      if (raw) stdin.setRawMode(false);
    },
  };
}

/** Sends standard input as it comes; waits for each piece, so that `cat huge | exec -i` holds little in memory. */
function feed(context: CliContext, session: Session): Disposable {
  let stopped = false;
  const pump = async (): Promise<void> => {
    for await (const chunk of context.stdin) {
      if (stopped) return;
      await session.write(chunk as Buffer);
    }
    if (!stopped) await session.end();
  };
  // A session that has ended takes no more input; that is not an error of the input.
  pump().catch(() => {});
  return {
    [Symbol.dispose]() {
      stopped = true;
      context.stdin.destroy();
    },
  };
}
