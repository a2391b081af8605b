import type { ExecRequestSchema, ExecResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { commandOf } from "./command.ts";
import { requireRunning } from "./require-running.ts";

export const exec: UnaryHandler<typeof ExecRequestSchema, typeof ExecResponseSchema> = async (node, request) => {
  const { tty, stdin, stdout, stderr } = request;
  const command = commandOf(request.cmd);
  const { id } = await requireRunning(node, request.containerId, "run a command");
  return { url: node.streaming.execUrl({ containerId: id, command, tty, stdin, stdout, stderr }) };
};
