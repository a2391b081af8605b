/** Which PID namespace a container's processes are in. */
import { MinkeError } from "../../base/errors.ts";
import type { SpecNamespaces } from "../../oci/spec.ts";
import type { SandboxRecord } from "../records.ts";
import type { ContainerConfig } from "../runtime.ts";
import { isAlive, type Scope } from "../scope.ts";

/**
 * `pod` is the sandbox' own namespace: that of its init, or the host's when the sandbox has that. Where the sandbox gives each
 * container one of its own there is none to share, and it gets one too.
 */
export function pidNamespace(scope: Scope, sandbox: SandboxRecord, config: ContainerConfig): SpecNamespaces["pid"] {
  const { pidMode } = config;
  if (typeof pidMode === "object")
    return { path: `/proc/${targetPid(scope, sandbox, config, pidMode.container)}/ns/pid` };
  const sandboxMode = sandbox.config.namespaces.pid;
  if (pidMode === "node" || (pidMode === "pod" && sandboxMode === "node")) return "host";
  const { pid } = sandbox.namespacePaths;
  return pidMode === "pod" && pid !== undefined ? { path: pid } : "new";
}

/** The first process of the container whose namespace is to be joined: one of the same sandbox that runs. */
function targetPid(scope: Scope, sandbox: SandboxRecord, config: ContainerConfig, id: string): number {
  const record = scope.containers.get(id)?.record;
  const process = record?.startedMs === undefined || record.ended ? undefined : record.process;
  if (record?.sandboxId === sandbox.id && process && isAlive(scope, process)) return process.pid;
  const why = record?.sandboxId === sandbox.id ? "it does not run" : "there is no such container in its sandbox";
  throw new MinkeError(
    "FailedPrecondition",
    `Cannot create container "${config.metadata.name}" in the PID namespace of container ${id.slice(0, 12)}: ${why}; name one that runs`,
    { reason: "CreateContainerError", details: { container: id } },
  );
}
