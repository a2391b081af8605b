/**
 * Node's end of the agent (`agent.pl`): starts it when it is needed, sends requests, matches replies.
 *
 * The agent holds no state. When it dies, the calls under way reject with `Unavailable` (whether they took effect is not
 * known: every caller is idempotent) and the next call starts another. It is in a session of its own, so that Ctrl-C in a
 * terminal reaches only the daemon, and it does not keep the event loop alive while no call is under way.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { join } from "node:path";
import { getSystemErrorName } from "node:util";

import type { Clock } from "../../base/clock.ts";
import { MinkeError } from "../../base/errors.ts";
import { type Logger, noLog } from "../../base/logger.ts";
import { Semaphore } from "../../base/semaphore.ts";
import { encodeFrame, type Field, FrameDecoder } from "./frame.ts";

/** Programs, and system calls, under way at once; more wait in line. A program costs the agent up to four descriptors. */
const PROGRAMS_MAX = 200;
const SYSTEM_CALLS_MAX = 100;
/** Bytes of the agent's own error output that are kept for the message about its death. */
const LAST_WORDS_BYTES_MAX = 4096;
/** Milliseconds that a killed child has to be gone, before its call is given up. */
const KILL_GRACE_MS = 5000;
/** Milliseconds that `dispose` waits for the agent to end. */
const EXIT_GRACE_MS = 2000;

export interface AgentOptions {
  readonly clock: Clock;
  readonly log?: Logger;
  /** Perl interpreter; default `perl`, looked up in PATH. */
  readonly perl?: string;
}

export interface CallOptions {
  /** What the call is for, as in "Cannot <action>". */
  readonly action: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** The agent refused or failed: `stage` is the step, `subject` what it was about. Callers turn it into a MinkeError. */
export class AgentFailure extends Error {
  override readonly name = "AgentFailure";
  readonly stage: string;
  readonly errno: number;
  readonly subject: string;
  /** `ENOENT`, `EPERM` …; undefined when no system call failed. */
  readonly errnoName: string | undefined;

  constructor(stage: string, errno: number, subject: string) {
    const name = errno > 0 ? getSystemErrorName(-errno) : undefined;
    super(`${stage}${subject === "" ? "" : ` ${subject}`}: ${name ?? "failed"}`);
    this.stage = stage;
    this.errno = errno;
    this.subject = subject;
    this.errnoName = name;
  }
}

/** The path of the Perl program. It stands beside this file in the repository, and beside the bundle in the package. */
export const AGENT_PATH = join(import.meta.dirname, "agent.pl");

interface Pending {
  readonly resolve: (fields: Buffer[]) => void;
  readonly reject: (error: Error) => void;
}

interface Running {
  readonly child: ChildProcess;
  readonly pending: Map<string, Pending>;
}

export class Agent implements AsyncDisposable {
  readonly #options: AgentOptions;
  readonly #log: Logger;
  readonly #programs = new Semaphore(PROGRAMS_MAX);
  readonly #systemCalls = new Semaphore(SYSTEM_CALLS_MAX); // apart, so that no unmount waits behind slow programs
  /** Who waits for the end of which process; kept over the agent's own death. */
  readonly #watched = new Map<string, Set<() => void>>();
  #running: Running | undefined;
  #nextId = 1;
  #disposed = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#log = options.log ?? noLog;
  }

  /** Starts the agent before it is needed. It costs some 10 ms of its own time, and 2 ms of this thread. */
  start(): void {
    this.#ensure();
  }

  /** Process id of the running agent; undefined when none runs. */
  get pid(): number | undefined {
    return this.#running?.child.pid;
  }

  /**
   * Sends one request and resolves with the fields of its reply. Rejects with {@link AgentFailure}, or a MinkeError:
   * `Unavailable` when the agent died, `DeadlineExceeded`, `Cancelled`.
   */
  async call(verb: string, fields: readonly Field[], options: CallOptions): Promise<Buffer[]> {
    using _place = await (verb === "run" ? this.#programs : this.#systemCalls).acquire();
    if (options.signal?.aborted) throw cancelled(options);
    const running = this.#ensure();
    const id = String(this.#nextId++);
    const { promise, resolve, reject } = Promise.withResolvers<Buffer[]>();
    running.pending.set(id, { resolve, reject });
    if (running.pending.size === 1) hold(running.child, true);
    (running.child.stdin as Socket).write(encodeFrame([id, verb, ...fields]));
    using stop = this.#limit(running, id, options, reject);
    try {
      return await promise.catch((error: unknown) => {
        throw stop.why ?? error;
      });
    } finally {
      running.pending.delete(id);
      if (running.pending.size === 0) hold(running.child, false);
    }
  }

  /** Calls `wake` once when the process has ended. Does not keep the event loop alive. */
  watch(pid: number, wake: () => void): void {
    if (this.#disposed) return;
    const running = this.#ensure();
    const key = String(pid);
    const waiting = this.#watched.get(key);
    if (waiting) return void waiting.add(wake);
    this.#watched.set(key, new Set([wake]));
    (running.child.stdin as Socket).write(encodeFrame(["", "watch", key]));
  }

  #processEnded(pid: string): void {
    const waiting = this.#watched.get(pid) ?? [];
    this.#watched.delete(pid);
    for (const wake of waiting) wake();
  }

  /** Lets the agent end. Programs that have not ended are killed; what has left into a session of its own lives on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    const child = this.#running?.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    child.once("exit", () => resolve());
    child.ref();
    using _timer = this.#options.clock.timer(EXIT_GRACE_MS, () => child.kill("SIGKILL"));
    child.stdin!.end();
    await promise;
  }

  /** Kills the call's child at its deadline or abort; the reply then brings the rejection, with `why` as its reason. */
  #limit(
    running: Running,
    id: string,
    options: CallOptions,
    reject: (error: Error) => void,
  ): Disposable & { why?: Error } {
    const { clock } = this.#options;
    let grace: Disposable | undefined;
    const limit: Disposable & { why?: Error } = {
      [Symbol.dispose]: () => {
        timer[Symbol.dispose]();
        grace?.[Symbol.dispose]();
        options.signal?.removeEventListener("abort", abort);
      },
    };
    const stop = (why: MinkeError): void => {
      if (limit.why) return;
      limit.why = why;
      (running.child.stdin as Socket).write(encodeFrame([id, "kill"]));
      grace = clock.timer(KILL_GRACE_MS, () => reject(why));
      const pending = running.pending.get(id);
      if (pending) running.pending.set(id, { resolve: () => reject(why), reject });
    };
    const abort = (): void => stop(cancelled(options));
    const timer = clock.timer(options.timeoutMs, () =>
      stop(new MinkeError("DeadlineExceeded", `Cannot ${options.action}: not done after ${options.timeoutMs} ms`)),
    );
    options.signal?.addEventListener("abort", abort, { once: true });
    return limit;
  }

  #ensure(): Running {
    if (this.#disposed) throw new MinkeError("FailedPrecondition", "Cannot use the host: it was closed");
    if (this.#running) return this.#running;
    const child = spawn(this.#options.perl ?? "perl", [AGENT_PATH], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true,
      cwd: "/",
    });
    const running: Running = { child, pending: new Map() };
    this.#running = running;
    let lastWords = "";
    const ended = (how: string, cause?: Error): void => {
      if (this.#running === running) this.#running = undefined;
      if (!this.#disposed) this.#log.warn({ how, stderr: lastWords }, "the agent has ended");
      const error = agentGone(this.#options.perl ?? "perl", how, lastWords, cause);
      for (const { reject } of running.pending.values()) reject(error);
      running.pending.clear();
    };
    const decoder = new FrameDecoder();
    child.stdout.on("data", (chunk: Buffer) => {
      for (const frame of decoder.push(chunk)) {
        if (String(frame[1]) === "ended") this.#processEnded(String(frame[2]));
        else answer(running, frame);
      }
    });
    child.stderr.on("data", (chunk: Buffer) => void (lastWords = (lastWords + chunk).slice(-LAST_WORDS_BYTES_MAX)));
    child.stdin.on("error", () => {}); // its end is reported by "close"
    child.once("error", (error) => ended("could not be started", error));
    child.once("close", (code, signal) => ended(signal ? `was killed by ${signal}` : `ended with code ${code}`));
    hold(child, false);
    for (const pid of this.#watched.keys()) (child.stdin as Socket).write(encodeFrame(["", "watch", pid]));
    return running;
  }
}

function answer(running: Running, [id, outcome, ...rest]: readonly Buffer[]): void {
  const pending = running.pending.get(String(id));
  if (!pending) return;
  if (String(outcome) === "ok") return pending.resolve(rest);
  const [stage, errno, subject] = rest.map(String);
  pending.reject(new AgentFailure(stage ?? "", Number(errno), subject ?? ""));
}

function cancelled({ action, signal }: CallOptions): MinkeError {
  return new MinkeError("Cancelled", `Cannot ${action}: it was cancelled`, { cause: signal?.reason });
}

function agentGone(perl: string, how: string, lastWords: string, cause: Error | undefined): MinkeError {
  const missing = (cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
  return missing
    ? new MinkeError("FailedPrecondition", `Cannot start the agent: there is no ${perl}; apt-get install perl-base`, {
        cause,
      })
    : new MinkeError("Unavailable", `Cannot complete the call: the agent ${how}; ${lastWords.trim() || "try again"}`, {
        cause,
      });
}

/** Whether the agent keeps the event loop alive. */
function hold(child: ChildProcess, alive: boolean): void {
  for (const handle of [child, child.stdin, child.stdout, child.stderr] as (ChildProcess | Socket)[]) {
    if (alive) handle.ref();
    else handle.unref();
  }
}
