import type { AttachRequestSchema, AttachResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import type { UnaryHandler } from "../grpc.ts";
import { invalid } from "../invalid.ts";
import { requireRunning } from "./require-running.ts";

export const attach: UnaryHandler<typeof AttachRequestSchema, typeof AttachResponseSchema> = async (node, request) => {
  const { tty, stdin, stdout, stderr } = request;
  const { id, config } = await requireRunning(node, request.containerId, "attach");
  if (tty !== config.tty) throw invalid("tty", tty, `the container has ${config.tty ? "a" : "no"} terminal`);
  return { url: node.streaming.attachUrl({ containerId: id, tty, stdin, stdout, stderr }) };
};
