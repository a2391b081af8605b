/** From the runtime's sandbox to the messages that tell of it. Pure. */
import type { Init } from "../message.ts";

import type { Sandbox } from "../../../runtime/runtime.ts";
import type { PodSandboxSchema, PodSandboxStatusSchema } from "../gen/runtime/v1/api_pb.ts";
import { PodSandboxState } from "../gen/runtime/v1/api_pb.ts";
import { namespaceOptions } from "./namespaces.ts";
import { nanoseconds } from "./time.ts";

/** One of a list. */
export function sandboxMessage(sandbox: Sandbox): Init<typeof PodSandboxSchema> {
  const { id, config } = sandbox;
  return {
    id,
    metadata: config.metadata,
    state: sandboxState(sandbox),
    createdAt: nanoseconds(sandbox.createdMs),
    labels: { ...config.labels },
    annotations: { ...config.annotations },
    runtimeHandler: config.runtimeHandler,
  };
}

/** The whole status. */
export function sandboxStatusMessage(sandbox: Sandbox): Init<typeof PodSandboxStatusSchema> {
  const [ip = "", ...others] = sandbox.ips;
  return {
    ...sandboxMessage(sandbox),
    network: { ip, additionalIps: others.map((each) => ({ ip: each })) },
    linux: { namespaces: { options: namespaceOptions(sandbox.config.namespaces) } },
  };
}

export function sandboxState({ state }: Sandbox): PodSandboxState {
  return state === "ready" ? PodSandboxState.SANDBOX_READY : PodSandboxState.SANDBOX_NOTREADY;
}
