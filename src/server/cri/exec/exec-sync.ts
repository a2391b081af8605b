import { MinkeError } from "../../../base/errors.ts";
import type { StreamSession } from "../../../runtime/runtime.ts";
import type { Call, CriNode } from "../context.ts";
import type { ExecSyncRequestSchema, ExecSyncResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { requireContainer } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";
import { integer } from "../invalid.ts";
import { commandOf } from "./command.ts";
import { Output, shared } from "./output.ts";

const SECONDS_MAX = Math.trunc(Number.MAX_SAFE_INTEGER / 1000);

/** Runs a command to its end. One that takes too long, or whose client has left, is killed with all that it has started. */
export const execSync: UnaryHandler<typeof ExecSyncRequestSchema, typeof ExecSyncResponseSchema> = async (
  node,
  request,
  call,
) => {
  const seconds = integer(request.timeout, "timeout", { min: 0, max: SECONDS_MAX });
  const command = commandOf(request.cmd);
  const { id } = await requireContainer(node, request.containerId, "run a command");
  const session = await node.runtime.exec(id, { command, tty: false, stdin: false, signal: call.signal });
  const [stdout, stderr] = [new Output(session.stdout), new Output(session.stderr)];
  const exitCode = await exitOf(node, call, session, seconds);
  await Promise.all([stdout.ended, stderr.ended]);
  return { ...shared(stdout.bytes, stderr.bytes), exitCode };
};

async function exitOf(node: CriNode, { signal }: Call, session: StreamSession, seconds: number): Promise<number> {
  const late = new MinkeError(
    "DeadlineExceeded",
    `Cannot run the command to its end: it took longer than ${seconds} s`,
  );
  let timedOut = false;
  const timeout = (): void => {
    timedOut = true;
    session.close();
  };
  using _timer = seconds === 0 ? undefined : node.clock.timer(seconds * 1000, timeout);
  // The client hears of it when the process is gone.
  const code = await session.exited;
  if (timedOut) throw late;
  signal.throwIfAborted();
  return code;
}
