/**
 * Builds a container's OCI runtime spec from plain data. Pure: it reads no file and no clock, so that everything about the
 * host that matters is an input.
 */
import { requestedCapabilities, specCapabilities } from "./capabilities.ts";
import { DEFAULT_READONLY_PATHS, defaultMaskedPaths } from "./default-paths.ts";
import type { CgroupAbilities } from "./cgroup-abilities.ts";
import { environment } from "./environment.ts";
import { rootfsPropagation, specMounts, type BindMount } from "./mounts.ts";
import { specResources } from "./resources.ts";
import type { CgroupResources, UserNamespace } from "../host/host.ts";
import type {
  RuntimeSpec,
  SpecDevice,
  SpecDeviceRule,
  SpecNamespace,
  SpecProcess,
  SpecSeccomp,
} from "./runtime-spec.ts";
import { defaultSeccomp, parseSeccompProfile } from "./seccomp.ts";
import { userMappings } from "./user-mappings.ts";

export interface SpecSecurity {
  readonly privileged: boolean;
  /** With or without `CAP_`; `ALL` is understood. */
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly seccomp:
    | { readonly type: "unconfined" }
    | { readonly type: "runtimeDefault" }
    | { readonly type: "localhost"; readonly path: string };
  /** Absent: the defaults of `default-paths.ts`; ignored when privileged, as Kubernetes has it. */
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  /** Name of an AppArmor profile that is loaded. */
  readonly apparmorProfile?: string;
}

export interface SpecNamespaces {
  /** Paths of namespaces to join; an absent kind is the host's. */
  readonly net?: string;
  readonly ipc?: string;
  readonly uts?: string;
  /** Its ids are in {@link SpecInput.userNamespace}. */
  readonly user?: string;
  readonly pid: "new" | "host" | { readonly path: string };
}

export interface SpecUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** For HOME; default `/`. */
  readonly home?: string;
}

export interface SpecInput {
  /** Absolute path of the mounted root file system. */
  readonly rootfs: string;
  readonly readonlyRootfs: boolean;
  readonly args: readonly string[];
  /** `NAME=value`, the image's first; defaults are put below them. */
  readonly env: readonly string[];
  /** Absolute; crun creates it when it is not there. */
  readonly cwd: string;
  readonly tty: boolean;
  readonly user: SpecUser;
  /** The ids of the user namespace that is joined. */
  readonly userNamespace?: UserNamespace;
  /** For HOSTNAME in the environment; the host name itself is set when the UTS namespace is pinned. */
  readonly hostname?: string;
  readonly namespaces: SpecNamespaces;
  readonly mounts: readonly BindMount[];
  readonly security: SpecSecurity;
  /** Text of the profile when `security.seccomp` is of type localhost. */
  readonly seccompProfileJson?: string;
  readonly resources: CgroupResources & { readonly oomScoreAdj?: number };
  /** As the OCI runtime takes it: from the hierarchy's root (`/minke/kubepods/pod…/…`), or SLICE:PREFIX:NAME. */
  readonly cgroupsPath: string;
  /** The Pod's /dev/shm on the host. */
  readonly shmPath?: string;
  /** What the daemon may hand on (`boundingSet()`); what is asked for is intersected with it. */
  readonly boundingSet: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
  /** What can be limited per cgroup (`cgroupAbilities()`); default: neither. */
  readonly abilities?: CgroupAbilities;
  /** Lowest oom_score_adj the daemon may set: its own, without CAP_SYS_RESOURCE. Default -1000. */
  readonly oomScoreAdjMin?: number;
  /** With 2 the container gets a cgroup namespace of its own unless it is privileged, and v2's own words. Default 1. */
  readonly cgroupVersion?: 1 | 2;
  /** Nodes to make: the host's (`hostDevices()`) for a privileged container, and those that were asked for. */
  readonly devices?: readonly SpecDevice[];
  /** What may be done with devices that were asked for; a privileged container may do all anyway. */
  readonly deviceRules?: readonly SpecDeviceRule[];
  /** Number of CPUs, for the masked thermal counters. Default 0: none is masked. */
  readonly cpus?: number;
  /** Architecture as Node names it; default that of this process. */
  readonly arch?: string;
}

/** The spec of one container. Rejects unknown capabilities and broken seccomp profiles with `InvalidArgument`. */
export function buildSpec(input: SpecInput): RuntimeSpec {
  const { security } = input;
  const { privileged } = security;
  const seccomp = specSeccomp(input);
  const propagation = rootfsPropagation(input.mounts);
  return {
    ociVersion: "1.0.2",
    process: specProcess(input),
    root: { path: input.rootfs, readonly: input.readonlyRootfs },
    mounts: specMounts({
      privileged,
      hostIpc: input.namespaces.ipc === undefined,
      mounts: input.mounts,
      ...(input.shmPath === undefined ? {} : { shmPath: input.shmPath }),
    }),
    annotations: input.annotations,
    linux: {
      namespaces: specNamespaces(input),
      ...userMappings(input.userNamespace),
      cgroupsPath: input.cgroupsPath,
      resources: specResources({
        privileged,
        resources: input.resources,
        abilities: input.abilities ?? { swap: false, hugetlb: false },
        cgroupVersion: input.cgroupVersion ?? 1,
        devices: input.deviceRules ?? [],
      }),
      devices: input.devices ?? [],
      maskedPaths: privileged ? [] : (security.maskedPaths ?? defaultMaskedPaths(input.cpus)),
      readonlyPaths: privileged ? [] : (security.readonlyPaths ?? DEFAULT_READONLY_PATHS),
      ...(seccomp ? { seccomp } : {}),
      ...(propagation ? { rootfsPropagation: propagation } : {}),
    },
  };
}

export interface ExecInput {
  readonly command: readonly string[];
  readonly tty: boolean;
  /** `NAME=value`, over the container's. */
  readonly env?: readonly string[];
}

/** The process of an exec: user, capabilities, directory and environment of the container's own process. */
export function buildExecProcess(container: SpecProcess, exec: ExecInput): SpecProcess {
  const term = exec.tty ? ["TERM=xterm"] : [];
  const set = new Map<string, string>();
  for (const entry of [...term, ...container.env, ...(exec.env ?? [])]) set.set(entry.split("=", 1)[0]!, entry);
  return { ...container, args: exec.command, terminal: exec.tty, env: [...set.values()] };
}

function specProcess(input: SpecInput): SpecProcess {
  const { uid, gid, additionalGids, home } = input.user;
  // Always set: what is not would be the daemon's own, which is protected.
  const { oomScoreAdj = 0 } = input.resources;
  return {
    terminal: input.tty,
    user: { uid, gid, additionalGids },
    args: input.args,
    env: environment({
      env: input.env,
      tty: input.tty,
      ...(home === undefined ? {} : { home }),
      ...(input.hostname === undefined ? {} : { hostname: input.hostname }),
    }),
    cwd: input.cwd,
    capabilities: specCapabilities(requestedCapabilities(input.security), input.boundingSet),
    noNewPrivileges: input.security.noNewPrivileges,
    ...(input.security.apparmorProfile === undefined ? {} : { apparmorProfile: input.security.apparmorProfile }),
    oomScoreAdj: Math.max(oomScoreAdj, input.oomScoreAdjMin ?? -1000),
  };
}

function specNamespaces(input: SpecInput): readonly SpecNamespace[] {
  const { net, ipc, uts, user, pid } = input.namespaces;
  const namespaces: SpecNamespace[] = [{ type: "mount" }];
  if (user !== undefined) namespaces.push({ type: "user", path: user });
  if (pid === "new") namespaces.push({ type: "pid" });
  else if (pid !== "host") namespaces.push({ type: "pid", path: pid.path });
  if (net !== undefined) namespaces.push({ type: "network", path: net });
  if (ipc !== undefined) namespaces.push({ type: "ipc", path: ipc });
  if (uts !== undefined) namespaces.push({ type: "uts", path: uts });
  if (input.cgroupVersion === 2 && !input.security.privileged) namespaces.push({ type: "cgroup" });
  return namespaces;
}

function specSeccomp(input: SpecInput): SpecSeccomp | undefined {
  const { seccomp, privileged } = input.security;
  if (privileged || seccomp.type === "unconfined") return undefined;
  if (seccomp.type === "localhost") return parseSeccompProfile(input.seccompProfileJson ?? "", seccomp.path);
  return defaultSeccomp(requestedCapabilities(input.security), input.arch ?? process.arch);
}
