/** Security contexts of Pod and container. */
import { duplicate, type FieldError, invalid, oneOf, required } from "./field-error.ts";
import type { PodSpec, SeccompProfile, SecurityContext, Sysctl } from "./gen/types.ts";
import { validateDescendingPath } from "./validate-volume.ts";

const ID_MAX = 2 ** 31 - 1;
const SYSCTL_MAX = 253;
const SYSCTL_SEGMENT = "[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const SYSCTL = `^(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}$`;

export function* validatePodSecurity(spec: PodSpec): Generator<FieldError> {
  const path = "spec.securityContext";
  const security = spec.securityContext ?? {};
  for (const field of ["fsGroup", "runAsUser", "runAsGroup"] as const) {
    yield* validateId(security[field], `${path}.${field}`);
  }
  for (const [index, group] of (security.supplementalGroups ?? []).entries()) {
    yield* validateId(group, `${path}.supplementalGroups[${index}]`);
  }
  if (spec.shareProcessNamespace && spec.hostPID) {
    yield invalid("spec.shareProcessNamespace", true, "ShareProcessNamespace and HostPID cannot both be enabled");
  }
  yield* validateSysctls(security.sysctls ?? [], spec, `${path}.sysctls`);
  if (security.fsGroupChangePolicy !== undefined) {
    yield* oneOf(`${path}.fsGroupChangePolicy`, security.fsGroupChangePolicy, ["Always", "OnRootMismatch"]);
  }
  if (security.supplementalGroupsPolicy !== undefined) {
    yield* oneOf(`${path}.supplementalGroupsPolicy`, security.supplementalGroupsPolicy, ["Merge", "Strict"]);
  }
  yield* validateSeccomp(security.seccompProfile, `${path}.seccompProfile`);
}

export function* validateContainerSecurity(security: SecurityContext | undefined, path: string): Generator<FieldError> {
  if (!security) return;
  yield* validateId(security.runAsUser, `${path}.runAsUser`);
  yield* validateId(security.runAsGroup, `${path}.runAsGroup`);
  if (security.procMount !== undefined) yield* oneOf(`${path}.procMount`, security.procMount, ["Default", "Unmasked"]);
  yield* validateSeccomp(security.seccompProfile, `${path}.seccompProfile`);
  if (security.allowPrivilegeEscalation !== false) return;
  if (security.privileged) {
    yield invalid(path, security, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  }
  if (security.capabilities?.add?.includes("CAP_SYS_ADMIN")) {
    const message = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN";
    yield invalid(path, security, message);
  }
}

function validateId(id: number | undefined, path: string): FieldError[] {
  if (id === undefined || (id >= 0 && id <= ID_MAX)) return [];
  return [invalid(path, id, `must be between 0 and ${ID_MAX}, inclusive`)];
}

function* validateSysctls(sysctls: readonly Sysctl[], spec: PodSpec, path: string): Generator<FieldError> {
  const names = new Set<string>();
  for (const [index, { name }] of sysctls.entries()) {
    const at = `${path}[${index}].name`;
    if (!name) {
      yield required(at);
      continue;
    }
    if (name.length > SYSCTL_MAX || !new RegExp(SYSCTL).test(name)) {
      yield invalid(at, name, `must have at most ${SYSCTL_MAX} characters and match regex ${SYSCTL}`);
    } else if (names.has(name)) yield duplicate(at, name);
    names.add(name);
    const dotted = name.replaceAll("/", ".");
    if (spec.hostNetwork && dotted.startsWith("net.")) {
      yield invalid(at, name, "may not be specified when 'hostNetwork' is true");
    }
    if (spec.hostIPC && /^(kernel\.(shm|msg|sem)|fs\.mqueue\.)/.test(dotted)) {
      yield invalid(at, name, "may not be specified when 'hostIPC' is true");
    }
  }
}

function* validateSeccomp(profile: SeccompProfile | undefined, path: string): Generator<FieldError> {
  if (!profile) return;
  const { type, localhostProfile } = profile;
  if (!type) yield required(`${path}.type`, "type is required when seccompProfile is set");
  else yield* oneOf(`${path}.type`, type, ["Localhost", "RuntimeDefault", "Unconfined"]);
  if (type !== "Localhost") {
    if (localhostProfile === undefined) return;
    yield invalid(`${path}.localhostProfile`, profile, "can only be set when seccomp type is Localhost");
  } else if (localhostProfile === undefined) {
    yield required(`${path}.localhostProfile`, "must be set when seccomp type is Localhost");
  } else yield* validateDescendingPath(localhostProfile, `${path}.localhostProfile`);
}
