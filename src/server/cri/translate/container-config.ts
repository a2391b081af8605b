/** From a ContainerConfig to the runtime's. Pure. */
import { MinkeError } from "../../../base/errors.ts";
import type { ContainerConfig as RuntimeConfig, SandboxConfig } from "../../../runtime/runtime.ts";
import type { ContainerConfig, ImageSpec, KeyValue } from "../gen/runtime/v1/api_pb.ts";
import { invalid, relativePath, required, unsupported } from "../invalid.ts";
import { deviceOf, mountOf } from "./mounts.ts";
import { containerPidMode } from "./namespaces.ts";
import { resourcesOf } from "./resources.ts";
import type { KeptOfSandbox } from "./sandbox-config.ts";
import { securityOf } from "./security.ts";
import { stopSignalName } from "./stop-signal.ts";

/** What the runtime keeps of a container for this server, because a status tells it again. */
export interface KeptOfContainer {
  readonly image: Pick<ImageSpec, "userSpecifiedImage" | "runtimeHandler"> & {
    readonly annotations: Readonly<Record<string, string>>;
  };
  /** Container paths of the mounts that were to be relabelled. */
  readonly relabelled: readonly string[];
}

/** Rejects with `InvalidArgument`, or `Unimplemented` for what this version does not offer. */
export function containerConfig(config: ContainerConfig, sandbox: SandboxConfig): RuntimeConfig {
  if (config.windows) throw unsupported("config.windows", "this is Linux");
  if (config.CDIDevices.length > 0) throw unsupported("config.CDI_devices", "give devices and mounts instead");
  const metadata = required(config.metadata, "config.metadata");
  const name = required(metadata.name, "config.metadata.name");
  const context = config.linux?.securityContext;
  requirePrivilege(name, context?.privileged ?? false, sandbox);
  const stopSignal = stopSignalName(config.stopSignal, "config.stop_signal");
  return {
    metadata: { name, attempt: metadata.attempt },
    image: required(config.image?.image, "config.image.image"),
    command: [...config.command],
    args: [...config.args],
    workingDir: config.workingDir,
    env: config.envs.map(envOf),
    mounts: config.mounts.map(mountOf),
    labels: { ...config.labels },
    annotations: { ...config.annotations },
    logPath: relativePath(config.logPath, "config.log_path"),
    stdin: config.stdin,
    stdinOnce: config.stdinOnce,
    tty: config.tty,
    resources: resourcesOf(config.linux?.resources, "config.linux.resources"),
    security: securityOf(context, "config.linux.security_context"),
    pidMode: containerPidMode(context?.namespaceOptions, sandbox, "config.linux.security_context.namespace_options"),
    ...(config.devices.length > 0 ? { devices: config.devices.map(deviceOf) } : {}),
    ...(stopSignal === undefined ? {} : { stopSignal }),
    ownerData: { ...keptOf(config) },
  };
}

/** The CRI: a sandbox says beforehand that it may hold a privileged container. */
function requirePrivilege(name: string, privileged: boolean, sandbox: SandboxConfig): void {
  if (!privileged || (sandbox.ownerData as KeptOfSandbox | undefined)?.privileged) return;
  throw new MinkeError(
    "InvalidArgument",
    `Cannot create container "${name}": config.linux.security_context.privileged is set, and the sandbox is not privileged; run one whose linux.security_context.privileged is set`,
    { details: { field: "config.linux.security_context.privileged" } },
  );
}

function keptOf({ image, mounts }: ContainerConfig): KeptOfContainer {
  return {
    image: {
      userSpecifiedImage: image?.userSpecifiedImage ?? "",
      runtimeHandler: image?.runtimeHandler ?? "",
      annotations: { ...image?.annotations },
    },
    relabelled: mounts.filter((mount) => mount.selinuxRelabel).map((mount) => mount.containerPath),
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The value travels as bytes; the OCI spec, which is JSON, takes text. */
function envOf({ key, value }: KeyValue, index: number): readonly [string, string] {
  const field = `config.envs[${index}]`;
  if (key === "" || /[=\0]/.test(key)) throw invalid(`${field}.key`, key, 'must be a name without "="');
  try {
    return [key, utf8.decode(value)];
  } catch (cause) {
    throw new MinkeError("InvalidArgument", `Cannot use ${field}.value of "${key}": it is not UTF-8`, { cause });
  }
}
