/**
 * The part of the OCI runtime specification 1.0.2 that Minke writes: `config.json` of a bundle, as crun reads it.
 * Facts: github.com/opencontainers/runtime-spec, config.md and config-linux.md.
 */

export interface RuntimeSpec {
  readonly ociVersion: "1.0.2";
  readonly process: SpecProcess;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly mounts: readonly SpecMount[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: SpecLinux;
}

export interface SpecProcess {
  readonly terminal: boolean;
  readonly user: { readonly uid: number; readonly gid: number; readonly additionalGids: readonly number[] };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: SpecCapabilities;
  readonly noNewPrivileges: boolean;
  readonly oomScoreAdj?: number;
  readonly apparmorProfile?: string;
}

/** Names with `CAP_`. Inheritable and ambient stay empty, as containerd has them (CVE-2022-24769). */
export interface SpecCapabilities {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly ambient: readonly string[];
}

export interface SpecMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface SpecNamespace {
  readonly type: "mount" | "pid" | "network" | "ipc" | "uts" | "user" | "cgroup";
  readonly path?: string;
}

/** A device node to make inside the container. */
export interface SpecDevice {
  readonly path: string;
  readonly type: "c" | "b";
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface SpecDeviceRule {
  readonly allow: boolean;
  readonly type?: "a" | "b" | "c";
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

export interface SpecThrottle {
  readonly major: number;
  readonly minor: number;
  readonly rate: number;
}

export interface SpecResources {
  readonly devices: readonly SpecDeviceRule[];
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly cpus?: string;
    readonly mems?: string;
  };
  readonly memory?: { readonly limit: number; readonly swap?: number };
  readonly pids?: { readonly limit: number };
  readonly blockIO?: {
    readonly throttleReadBpsDevice?: readonly SpecThrottle[];
    readonly throttleWriteBpsDevice?: readonly SpecThrottle[];
    readonly throttleReadIOPSDevice?: readonly SpecThrottle[];
    readonly throttleWriteIOPSDevice?: readonly SpecThrottle[];
  };
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  /** Files of cgroup v2 and what to write into them. */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface SpecSeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly {
    readonly index: number;
    readonly value: number;
    readonly valueTwo?: number;
    readonly op: string;
  }[];
}

export interface SpecSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly syscalls?: readonly SpecSeccompRule[];
}

export interface SpecIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface SpecLinux {
  readonly namespaces: readonly SpecNamespace[];
  readonly uidMappings?: readonly SpecIdMapping[];
  readonly gidMappings?: readonly SpecIdMapping[];
  readonly cgroupsPath: string;
  readonly resources: SpecResources;
  readonly devices: readonly SpecDevice[];
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly seccomp?: SpecSeccomp;
  readonly rootfsPropagation?: "rslave" | "rshared";
}
