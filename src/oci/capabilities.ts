/** Linux capabilities: their names, what a container gets, and what this process may hand on. */
import { readFile } from "node:fs/promises";

import { MinkeError } from "../base/errors.ts";
import type { SpecCapabilities } from "./runtime-spec.ts";

/** Every capability in the order of its bit. Linux: include/uapi/linux/capability.h. */
export const CAPABILITIES: readonly string[] = (
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE " +
  "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN " +
  "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE " +
  "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split(" ");

/** What a container gets unless it asks for something else. containerd: pkg/oci/spec.go. */
export const DEFAULT_CAPABILITIES: readonly string[] = (
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL " +
  "AUDIT_WRITE"
).split(" ");

export interface CapabilityRequest {
  readonly privileged: boolean;
  /** With or without `CAP_`, in any case; `ALL` means every one. */
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
}

/** Names without `CAP_`. */
export type CapabilitySet = ReadonlySet<string>;

/**
 * What the request asks for: `ALL` first, then single names, additions before drops (containerd: WithCapabilities of its
 * CRI). Rejects a name that no kernel knows with `InvalidArgument`.
 */
export function requestedCapabilities(request: CapabilityRequest): CapabilitySet {
  if (request.privileged) return new Set(CAPABILITIES);
  const add = request.addCapabilities.map(normalize);
  const drop = request.dropCapabilities.map(normalize);
  const set = new Set(add.includes("ALL") ? CAPABILITIES : DEFAULT_CAPABILITIES);
  if (drop.includes("ALL")) set.clear();
  for (const name of add) if (name !== "ALL") set.add(known(name, "add"));
  for (const name of drop) if (name !== "ALL") set.delete(known(name, "drop"));
  return set;
}

/** The requested capabilities that are not in `available`: this process can not give them, and should warn. */
export function missingCapabilities(request: CapabilityRequest, available: readonly string[]): readonly string[] {
  const bounding = new Set(available.map(normalize));
  const requested = requestedCapabilities(request);
  return CAPABILITIES.filter((name) => requested.has(name) && !bounding.has(name));
}

/** The sets of the container's process: what is asked for and can be given; never inheritable or ambient. */
export function specCapabilities(requested: CapabilitySet, available: readonly string[]): SpecCapabilities {
  const bounding = new Set(available.map(normalize));
  const names = CAPABILITIES.filter((name) => requested.has(name) && bounding.has(name)).map((name) => `CAP_${name}`);
  return { bounding: names, effective: names, permitted: names, inheritable: [], ambient: [] };
}

/** The names of the bits set in `hex`, as `/proc/PID/status` prints them. */
export function parseCapabilityMask(hex: string): readonly string[] {
  const mask = BigInt(`0x${hex}`);
  return CAPABILITIES.filter((_, bit) => (mask >> BigInt(bit)) & 1n);
}

/** The bounding set of this process: what its children can have at most. Reads /proc/self/status. */
export async function boundingSet(): Promise<readonly string[]> {
  const status = await readFile("/proc/self/status", "utf8");
  const hex = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (hex === undefined) {
    throw new MinkeError(
      "Internal",
      "Cannot read the bounding set: /proc/self/status has no CapBnd line; is this Linux?",
    );
  }
  return parseCapabilityMask(hex);
}

function normalize(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, "");
}

function known(name: string, field: "add" | "drop"): string {
  if (CAPABILITIES.includes(name)) return name;
  throw new MinkeError(
    "InvalidArgument",
    `Cannot ${field} capability "${name}": Linux has no capability of that name; see capabilities(7) for the names`,
    { reason: "CreateContainerConfigError", details: { field: `capabilities.${field}`, value: name } },
  );
}
