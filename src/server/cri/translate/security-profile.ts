/** Seccomp and AppArmor: the message, and the deprecated text that older clients send. */
import type { ContainerSecurity, SeccompProfile } from "../../../runtime/runtime.ts";
import type { LinuxContainerSecurityContext, SecurityProfile } from "../gen/runtime/v1/api_pb.ts";
import {
  SecurityProfile_ProfileType as ProfileType,
  SecurityProfile_ProfileTypeSchema,
} from "../gen/runtime/v1/api_pb.ts";
import { absolutePath, invalid, known, required } from "../invalid.ts";

const LOCALHOST = "localhost/";
const DEFAULTS: readonly string[] = ["runtime/default", "docker/default"];

/** A message that is there and empty is RuntimeDefault; none is unconfined. A privileged container is never confined. */
export function seccompOf(context: LinuxContainerSecurityContext, field: string): SeccompProfile {
  const { seccomp, seccompProfilePath: path, privileged } = context;
  const profile = seccomp ? fromMessage(seccomp, `${field}.seccomp`) : fromText(path, `${field}.seccomp_profile_path`);
  if (privileged) return { type: "unconfined" };
  if (profile.type !== "localhost") return profile;
  const name = seccomp ? `${field}.seccomp.localhost_ref` : `${field}.seccomp_profile_path`;
  return { type: "localhost", path: absolutePath(profile.ref, name) };
}

/**
 * The name of a profile, or undefined: the runtime has none of its own, so its default is none. A privileged container is
 * never confined.
 */
export function apparmorOf(
  context: LinuxContainerSecurityContext,
  field: string,
): ContainerSecurity["apparmorProfile"] {
  const { apparmor, apparmorProfile: text, privileged } = context;
  const profile = apparmor ? fromMessage(apparmor, `${field}.apparmor`) : fromText(text, `${field}.apparmor_profile`);
  if (privileged || profile.type === "runtimeDefault" || (!apparmor && text === "")) return undefined;
  // The kubelet leaves the prefix in the message's reference, too.
  return profile.type === "localhost" ? profile.ref.replace(LOCALHOST, "") : "unconfined";
}

type Profile =
  | { readonly type: "unconfined" }
  | { readonly type: "runtimeDefault" }
  | { readonly type: "localhost"; readonly ref: string };

function fromMessage({ profileType, localhostRef }: SecurityProfile, field: string): Profile {
  switch (known(SecurityProfile_ProfileTypeSchema, profileType, `${field}.profile_type`)) {
    case ProfileType.Localhost:
      return { type: "localhost", ref: required(localhostRef, `${field}.localhost_ref`) };
    case ProfileType.Unconfined:
      return { type: "unconfined" };
    default:
      return { type: "runtimeDefault" };
  }
}

function fromText(text: string, field: string): Profile {
  if (text === "" || text === "unconfined") return { type: "unconfined" };
  if (DEFAULTS.includes(text)) return { type: "runtimeDefault" };
  if (text.startsWith(LOCALHOST)) return { type: "localhost", ref: text.slice(LOCALHOST.length) };
  throw invalid(field, text, 'must be "runtime/default", "unconfined" or "localhost/PROFILE"');
}
