/** From a PodSandboxConfig to the runtime's. Pure. */
import type { DnsConfig, PortMapping as Port, SandboxConfig } from "../../../runtime/runtime.ts";
import { OWNER } from "../context.ts";
import type {
  DNSConfig,
  LinuxSandboxSecurityContext,
  PodSandboxConfig,
  PortMapping,
} from "../gen/runtime/v1/api_pb.ts";
import { Protocol, ProtocolSchema } from "../gen/runtime/v1/api_pb.ts";
import { absolutePath, integer, invalid, known, required, unsupported } from "../invalid.ts";
import { sandboxNamespaces } from "./namespaces.ts";
import { resourcesOf } from "./resources.ts";

const PROTOCOLS: Readonly<Record<number, Port["protocol"]>> = {
  [Protocol.TCP]: "TCP",
  [Protocol.UDP]: "UDP",
  [Protocol.SCTP]: "SCTP",
};
const PORT_MAX = 65_535;

/** What the runtime keeps of a sandbox for this server. */
export interface KeptOfSandbox {
  /** Whether a privileged container may be made in it. */
  readonly privileged: boolean;
}

/**
 * Rejects with `InvalidArgument`. `linux.resources` and `linux.overhead` are the size of the Pod for runtimes that make a
 * virtual machine of it; here the Pod's cgroup is the caller's, who has set its limits.
 */
export function sandboxConfig(config: PodSandboxConfig, runtimeHandler: string): SandboxConfig {
  if (config.windows) throw unsupported("config.windows", "this is Linux");
  const { linux } = config;
  const context = linux?.securityContext;
  checkProcess(context);
  resourcesOf(linux?.resources, "config.linux.resources");
  resourcesOf(linux?.overhead, "config.linux.overhead");
  const dns = dnsOf(config.dnsConfig);
  const kept: KeptOfSandbox = { privileged: context?.privileged ?? false };
  return {
    owner: OWNER,
    metadata: metadataOf(config),
    hostname: config.hostname,
    logDirectory: config.logDirectory === "" ? "" : absolutePath(config.logDirectory, "config.log_directory"),
    ...(dns === undefined ? {} : { dns }),
    portMappings: config.portMappings.map(portMapping).filter(({ hostPort }) => hostPort > 0),
    labels: { ...config.labels },
    annotations: { ...config.annotations },
    cgroupParent: cgroupParent(linux?.cgroupParent ?? ""),
    resources: {},
    namespaces: sandboxNamespaces(context?.namespaceOptions, "config.linux.security_context.namespace_options"),
    sysctls: { ...linux?.sysctls },
    runtimeHandler,
    ownerData: { ...kept },
  };
}

function metadataOf(config: PodSandboxConfig): SandboxConfig["metadata"] {
  const { name, uid, namespace, attempt } = required(config.metadata, "config.metadata");
  return {
    name: required(name, "config.metadata.name"),
    uid: required(uid, "config.metadata.uid"),
    namespace: required(namespace, "config.metadata.namespace"),
    attempt,
  };
}

/** The CRI wants this refused even though it is about a process that the sandbox need not have. */
function checkProcess(context: LinuxSandboxSecurityContext | undefined): void {
  if (!context?.runAsGroup || context.runAsUser) return;
  throw invalid(
    "config.linux.security_context.run_as_group",
    context.runAsGroup.value,
    "run_as_user must be set with it",
  );
}

/** A configuration that says nothing means the host's, as with containerd. */
function dnsOf(dns: DNSConfig | undefined): DnsConfig | undefined {
  if (!dns) return undefined;
  const { servers, searches, options } = dns;
  for (const [name, values] of Object.entries({ servers, searches, options })) {
    for (const [index, value] of values.entries()) {
      if (/\s|\0/.test(value)) throw invalid(`config.dns_config.${name}[${index}]`, value, "must not have white space");
    }
  }
  if (servers.length + searches.length + options.length === 0) return undefined;
  return { servers: [...servers], searches: [...searches], options: [...options] };
}

function portMapping(mapping: PortMapping, index: number): Port {
  const field = `config.port_mappings[${index}]`;
  const { hostPort, containerPort } = mapping;
  return {
    protocol: PROTOCOLS[known(ProtocolSchema, mapping.protocol, `${field}.protocol`)]!,
    containerPort: integer(BigInt(containerPort), `${field}.container_port`, {
      min: hostPort > 0 ? 1 : 0,
      max: PORT_MAX,
    }),
    hostPort: integer(BigInt(hostPort), `${field}.host_port`, { min: 0, max: PORT_MAX }),
    hostIp: mapping.hostIp,
  };
}

/** Always from the hierarchy's root, with or without the slash in front. */
function cgroupParent(parent: string): string {
  if (parent === "") return "";
  return absolutePath(parent.startsWith("/") ? parent : `/${parent}`, "config.linux.cgroup_parent");
}
