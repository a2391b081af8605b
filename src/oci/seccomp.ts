/**
 * The seccomp profile `RuntimeDefault`: deny by EPERM all but a list of system calls, some of them only with a capability.
 * Written from the documented behaviour of the default profile of Docker and containerd.
 */
import { MinkeError } from "../base/errors.ts";
import type { CapabilitySet } from "./capabilities.ts";
import type { SpecSeccomp, SpecSeccompRule } from "./runtime-spec.ts";
import { allowedSyscalls, SYSCALLS_BY_CAPABILITY } from "./seccomp-syscalls.ts";

const ALLOW = "SCMP_ACT_ALLOW";
const ERRNO = "SCMP_ACT_ERRNO";
const EPERM = 1;
const ENOSYS = 38;
/** Every CLONE_NEW* flag of clone(2): without SYS_ADMIN no new namespace can be made. */
const CLONE_NAMESPACES = 0x7e020000;
const AF_VSOCK = 40;
/** personality(2): PER_LINUX, UNAME26, PER_LINUX32, both, and the query. */
const PERSONALITIES = [0x0, 0x20000, 0x8, 0x20008, 0xffffffff];

const ARCHITECTURES: Readonly<Record<string, readonly string[]>> = {
  x64: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  arm64: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
};

/** The default profile for a process with these capabilities on `arch` (`x64`, `arm64`, as Node names them). */
export function defaultSeccomp(capabilities: CapabilitySet, arch: string): SpecSeccomp {
  const admin = capabilities.has("SYS_ADMIN");
  const names = [...allowedSyscalls()];
  for (const [capability, syscalls] of Object.entries(SYSCALLS_BY_CAPABILITY)) {
    if (capabilities.has(capability)) names.push(...syscalls.split(" "));
  }
  const architectures = ARCHITECTURES[arch];
  return {
    defaultAction: ERRNO,
    defaultErrnoRet: EPERM,
    ...(architectures ? { architectures } : {}),
    syscalls: [
      { names: [...new Set(names)], action: ALLOW },
      { names: ["socket"], action: ALLOW, args: [{ index: 0, value: AF_VSOCK, op: "SCMP_CMP_NE" }] },
      ...PERSONALITIES.map(personality),
      ...(admin ? [] : cloneRules),
    ],
  };
}

function personality(value: number): SpecSeccompRule {
  return { names: ["personality"], action: ALLOW, args: [{ index: 0, value, op: "SCMP_CMP_EQ" }] };
}

/** clone3 takes its flags by pointer, which a filter can not read: ENOSYS makes libc fall back to clone. */
const cloneRules: readonly SpecSeccompRule[] = [
  {
    names: ["clone"],
    action: ALLOW,
    args: [{ index: 0, value: CLONE_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
  },
  { names: ["clone3"], action: ERRNO, errnoRet: ENOSYS },
];

/**
 * A localhost profile as the runtime takes it, checked only as far as an error here is clearer than one from crun.
 * `path` is for the message.
 */
export function parseSeccompProfile(text: string, path: string): SpecSeccomp {
  const fail = (why: string, cause?: unknown): MinkeError =>
    new MinkeError(
      "InvalidArgument",
      `Cannot use seccomp profile "${path}": ${why}; give a profile in the OCI format`,
      {
        reason: "CreateContainerConfigError",
        details: { path },
        cause,
      },
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fail("it is not JSON", error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fail("it is not a JSON object");
  const action = (value as { defaultAction?: unknown }).defaultAction;
  if (typeof action !== "string" || !action.startsWith("SCMP_ACT_")) {
    throw fail(`its defaultAction is ${JSON.stringify(action) ?? "missing"}, not one that starts with SCMP_ACT_`);
  }
  return value as SpecSeccomp;
}
