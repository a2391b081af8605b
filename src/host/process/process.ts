/** The real {@link ProcessHost}: short programs through the agent, long-lived children through Node. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";

import { errnoOf, MinkeError } from "../../base/errors.ts";
import type { ChildStream, Command, Completed, ProcessHost } from "../host.ts";
import { type Agent, AGENT_PATH, AgentFailure } from "./agent.ts";
import { DEFAULT_PATH, runCommand } from "./command.ts";

/** Milliseconds that sending a datagram may take. */
const SEND_TIMEOUT_MS = 5000;

export function createProcessHost(agent: Agent): ProcessHost {
  return {
    run: async (command: Command): Promise<Completed> => await runCommand(agent, command),
    stream: streamCommand,
    kill: killProcess,
    watch: (pid, wake) => agent.watch(pid, wake),
    startTime: processStartTime,
    sendDatagram: async (socket, message) => await sendDatagram(agent, socket, message),
  };
}

async function sendDatagram(agent: Agent, socket: string, message: string): Promise<void> {
  const action = `send a message to ${socket}`;
  try {
    await agent.call("send", [socket, message], { action, timeoutMs: SEND_TIMEOUT_MS });
  } catch (error) {
    if (!(error instanceof AgentFailure)) throw error;
    throw new MinkeError("Unavailable", `Cannot ${action}: ${error.errnoName}`, { cause: error });
  }
}

/** Starts a child with pipes, in a session of its own so that a terminal's Ctrl-C does not reach it. */
export function streamCommand(command: Pick<Command, "argv" | "env" | "cwd" | "netns">): ChildStream {
  const [program, ...args] =
    command.netns === undefined
      ? command.argv
      : (["perl", AGENT_PATH, "enter", command.netns, ...command.argv] as const);
  const child = spawn(program, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...(command.env ?? { PATH: DEFAULT_PATH }) },
    cwd: command.cwd ?? "/",
    detached: true,
  });
  const { promise: exited, resolve } = Promise.withResolvers<number>();
  child.stdin.on("error", () => {}); // a child that ends before its input is read; `exited` tells
  child.once("error", (error) => {
    child.stderr.push(`${program}: ${errnoOf(error) === "ENOENT" ? "no such program" : error.message}`);
    resolve(127);
  });
  child.once("close", (code, signal) => resolve(signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 127)));
  return {
    pid: child.pid ?? 0,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    kill: (signal) => void child.kill(signal),
  };
}

/** Sends a signal; false when the process is gone, or is another one than that with `startTime`. */
export function killProcess(pid: number, signal: NodeJS.Signals, startTime?: number): boolean {
  if (startTime !== undefined && processStartTime(pid) !== startTime) return false;
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (errnoOf(error) === "ESRCH") return false;
    throw error;
  }
}

/** Field 22 of /proc/PID/stat, in clock ticks since boot; undefined when the process is gone. */
export function processStartTime(pid: number): number | undefined {
  try {
    return startTimeOf(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return undefined;
  }
}

/**
 * Reads the start time out of a stat line; undefined for a zombie, which has ended and only waits to be reaped. The name in
 * parentheses may hold spaces and parentheses itself.
 */
export function startTimeOf(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  const ticks = Number(fields[19]);
  return Number.isFinite(ticks) ? ticks : undefined;
}
