import { MinkeError } from "../../../base/errors.ts";
import type { PortForwardRequestSchema, PortForwardResponseSchema } from "../gen/runtime/v1/api_pb.ts";
import { requireSandbox } from "../find.ts";
import type { UnaryHandler } from "../grpc.ts";
import { integer } from "../invalid.ts";

const PORT_MAX = 65_535;

export const portForward: UnaryHandler<typeof PortForwardRequestSchema, typeof PortForwardResponseSchema> = async (
  node,
  { podSandboxId, port },
) => {
  const { id, state } = await requireSandbox(node, podSandboxId, "forward a port");
  const ports = port.map((each, index) => integer(BigInt(each), `port[${index}]`, { min: 1, max: PORT_MAX }));
  if (state !== "ready") {
    throw new MinkeError("FailedPrecondition", `Cannot forward a port to sandbox ${id.slice(0, 12)}: it is not ready`);
  }
  return { url: node.streaming.portForwardUrl(id, ports) };
};
