/** Running a program to its end through the agent. */
import { MinkeError } from "../../base/errors.ts";
import type { Command, Completed } from "../host.ts";
import { type Agent, AgentFailure } from "./agent.ts";

/** Milliseconds that a program may take when its command does not say. */
const TIMEOUT_MS = 120_000;
/** Bytes of standard input that a command may carry; more wants `stream`. */
const STDIN_BYTES_MAX = 16 * 1024 * 1024;
/** What a child finds programs with when its command gives no environment. */
export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Runs `command` to its end. See {@link Command} for what rejects. */
export async function runCommand(agent: Agent, command: Command): Promise<Completed> {
  const { argv, env = { PATH: DEFAULT_PATH }, stdin = "" } = command;
  if (stdin.length > STDIN_BYTES_MAX) {
    throw new MinkeError(
      "InvalidArgument",
      `Cannot run ${argv[0]}: its input has more than ${STDIN_BYTES_MAX} bytes; stream it`,
    );
  }
  const fields = [
    command.netns ?? "",
    command.cwd ?? "",
    command.syncPipeEnv ?? "",
    command.stdin === undefined ? "" : 1,
    stdin,
    argv.length,
    ...argv,
    ...Object.entries(env).flat(),
  ];
  const action = `run ${argv.join(" ").slice(0, 200)}`;
  try {
    const reply = await agent.call("run", fields, {
      action,
      timeoutMs: command.timeoutMs ?? TIMEOUT_MS,
      signal: command.signal,
    });
    const [code, stdout, stderr, sync] = reply.map(String);
    return {
      code: Number(code),
      stdout: stdout ?? "",
      stderr: stderr ?? "",
      ...(command.syncPipeEnv === undefined ? {} : { sync: sync ?? "" }),
    };
  } catch (error) {
    if (!(error instanceof AgentFailure)) throw error;
    if (error.stage === "exec" && error.errnoName === "ENOENT") {
      return {
        code: 127,
        stdout: "",
        stderr: `${argv[0]}: no such program`,
        ...(command.syncPipeEnv ? { sync: "" } : {}),
      };
    }
    throw new MinkeError("FailedPrecondition", `Cannot ${action}: ${startFailure(error)}`, {
      cause: error,
      details: { argv, errno: error.errnoName },
    });
  }
}

function startFailure(error: AgentFailure): string {
  switch (error.stage) {
    case "netns":
      return `network namespace ${error.subject} can not be entered: ${error.errnoName}`;
    case "cwd":
      return `directory ${error.subject} can not be entered: ${error.errnoName}`;
    default:
      return error.message;
  }
}
