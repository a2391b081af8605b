/** The real {@link MountHost}. */
import { readFile, realpath } from "node:fs/promises";

import { MinkeError } from "../base/errors.ts";
import type { MountFlag, MountHost, MountRequest, OverlayRequest } from "./host.ts";
import { mountOf, mountsBelow, parseMountinfo } from "./mountinfo.ts";
import { type Agent, AgentFailure } from "./process/agent.ts";
import type { Field } from "./process/frame.ts";

const TIMEOUT_MS = 30_000;
/** Bytes of mount data that the kernel takes: one page, less the final zero. */
const DATA_BYTES_MAX = 4095;

/** linux/mount.h */
const MS_BIND = 0x1000;
const MS_REC = 0x4000;
const MS_REMOUNT = 0x20;
const FLAG_BITS: Readonly<Record<MountFlag, number>> = {
  ro: 1,
  rw: 0,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  noatime: 0x400,
  remount: MS_REMOUNT,
  bind: MS_BIND,
  rbind: MS_BIND | MS_REC,
  private: 1 << 18,
  rprivate: (1 << 18) | MS_REC,
  slave: 1 << 19,
  rslave: (1 << 19) | MS_REC,
  shared: 1 << 20,
  rshared: (1 << 20) | MS_REC,
};
const PROPAGATION: ReadonlySet<MountFlag> = new Set(["private", "rprivate", "slave", "rslave", "shared", "rshared"]);
/** File systems whose mount only touches memory: done in the agent itself. Anything else may hang, and gets a process. */
const QUICK_TYPES: ReadonlySet<string> = new Set(["tmpfs", "proc", "sysfs", "mqueue", "cgroup", "cgroup2", "devpts"]);

export function createMountHost(agent: Agent): MountHost {
  return {
    mount: async (request) => {
      const verb = QUICK_TYPES.has(request.type) && !isBind(request) ? "mount_now" : "mount";
      await call(agent, verb, mountSteps(request).flat(), request);
    },
    overlay: async (request) => {
      const { lower, target, userns } = request;
      const what = { type: "overlay", source: lower.join(":"), target };
      if (userns === undefined) await call(agent, "overlay", overlayFields(request), what);
      else await call(agent, "overlay_idmapped", [target, overlayOptions(request), userns, ...lower], what);
    },
    idmap: async ({ source, target, userns }) => {
      await call(agent, "idmap", [source, target, userns], { type: "idmapped", source, target });
    },
    unmount: async (target) => {
      try {
        await agent.call("unmount", [target], { action: `unmount ${target}`, timeoutMs: TIMEOUT_MS });
      } catch (error) {
        if (!(error instanceof AgentFailure)) throw error;
        throw new MinkeError("Internal", `Cannot unmount ${target}: ${error.errnoName}`, { cause: error });
      }
    },
    peers: async (path) => {
      const entries = parseMountinfo(await readFile("/proc/self/mountinfo", "utf8"));
      return mountOf(entries, await realpath(path))?.peers ?? "private";
    },
    list: async (prefix) => mountsBelow(parseMountinfo(await readFile("/proc/self/mountinfo", "utf8")), prefix),
  };
}

/**
 * The calls to mount(2) that a request needs, each as source, target, type, flags, data. The kernel takes the flags of a
 * bind mount only at a remount, and a change of propagation only on its own.
 */
export function mountSteps(request: MountRequest): (readonly [string, string, string, number, string])[] {
  const { type, source, target, flags = [], data = "" } = request;
  const bits = (wanted: readonly MountFlag[]): number => wanted.reduce((sum, flag) => sum | FLAG_BITS[flag], 0);
  const propagation = flags.filter((flag) => PROPAGATION.has(flag));
  const plain = bits(flags.filter((flag) => !PROPAGATION.has(flag)));
  const steps: (readonly [string, string, string, number, string])[] = [];
  if (isBind(request) && (plain & MS_REMOUNT) === 0) {
    steps.push([source, target, "none", plain & (MS_BIND | MS_REC), ""]);
    const rest = plain & ~(MS_BIND | MS_REC);
    if (rest !== 0) steps.push(["none", target, "none", MS_REMOUNT | MS_BIND | rest, ""]);
  } else if (plain !== 0 || propagation.length === 0) {
    steps.push([source, target, type, plain, data]);
  }
  for (const flag of propagation) steps.push(["none", target, "none", FLAG_BITS[flag], ""]);
  return steps;
}

function isBind({ flags = [] }: MountRequest): boolean {
  return flags.includes("bind") || flags.includes("rbind");
}

/** (target, options behind lowerdir, scratch directory or "", lower directories…): see mount_overlay in agent.pl. */
export function overlayFields(request: OverlayRequest): Field[] {
  const { lower, target } = request;
  const options = overlayOptions(request);
  const direct = `lowerdir=${lower.join(":")}${options}`;
  const fits = Buffer.byteLength(direct) <= DATA_BYTES_MAX && !lower.some((path) => /[\\,:]/.test(path));
  return [target, options, fits ? "" : `${target}.lower`, ...lower];
}

function overlayOptions({ upper, work = "" }: OverlayRequest): string {
  const escape = (path: string): string => path.replace(/[\\,:]/g, (character) => `\\${character}`);
  return upper === undefined ? "" : `,upperdir=${escape(upper)},workdir=${escape(work)}`;
}

async function call(agent: Agent, verb: string, fields: Field[], request: MountRequest): Promise<void> {
  const action = `mount ${request.source.slice(0, 200)} (${request.type}) on ${request.target}`;
  try {
    await agent.call(verb, fields, { action, timeoutMs: TIMEOUT_MS });
  } catch (error) {
    if (!(error instanceof AgentFailure)) throw error;
    throw new MinkeError(codeOf(error), `Cannot ${action}: ${error.errnoName ?? error.message}${hint(error)}`, {
      cause: error,
      details: { source: request.source, target: request.target, errno: error.errnoName },
    });
  }
}

function codeOf({
  stage,
  errnoName,
}: AgentFailure): "FailedPrecondition" | "NotFound" | "PermissionDenied" | "Internal" {
  if (stage === "idmap") return "FailedPrecondition";
  return errnoName === "ENOENT" ? "NotFound" : errnoName === "EPERM" ? "PermissionDenied" : "Internal";
}

function hint({ stage, errnoName }: AgentFailure): string {
  if (stage === "idmap")
    return "; its file system can not shift owners (an idmapped mount): use another, or a newer kernel";
  switch (errnoName) {
    case "ENOENT":
      return "; source or target does not exist";
    case "ENODEV":
      return "; this kernel does not know the file system type";
    case "EPERM":
      return "; it needs root with CAP_SYS_ADMIN";
    case "EBUSY":
      return "; an overlay's upper or work directory is in use by another mount, or the target is";
    default:
      return "";
  }
}
