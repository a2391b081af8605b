/** From a container's security context to the runtime's. Pure. */
import type { ContainerSecurity } from "../../../runtime/runtime.ts";
import type { LinuxContainerSecurityContext } from "../gen/runtime/v1/api_pb.ts";
import { SupplementalGroupsPolicy, SupplementalGroupsPolicySchema } from "../gen/runtime/v1/api_pb.ts";
import { absolutePath, integer, invalid, known, unsupported } from "../invalid.ts";
import { apparmorOf, seccompOf } from "./security-profile.ts";

/** The largest id that is one: -1 means "leave it". */
const ID_MAX = 2 ** 32 - 2;

const UNPRIVILEGED: ContainerSecurity = {
  privileged: false,
  addCapabilities: [],
  dropCapabilities: [],
  supplementalGroups: [],
  readonlyRootfs: false,
  noNewPrivileges: false,
  seccomp: { type: "unconfined" },
  maskedPaths: [],
  readonlyPaths: [],
};

/** SELinux options have no effect on a host without it, and no runtime complains about them. */
export function securityOf(context: LinuxContainerSecurityContext | undefined, field: string): ContainerSecurity {
  if (!context) return UNPRIVILEGED;
  const { capabilities } = context;
  if ((capabilities?.addAmbientCapabilities ?? []).length > 0) {
    throw unsupported(`${field}.capabilities.add_ambient_capabilities`, "leave it out");
  }
  const apparmorProfile = apparmorOf(context, field);
  return {
    privileged: context.privileged,
    addCapabilities: [...(capabilities?.addCapabilities ?? [])],
    dropCapabilities: [...(capabilities?.dropCapabilities ?? [])],
    ...userOf(context, field),
    supplementalGroups: context.supplementalGroups.map((group, index) =>
      integer(group, `${field}.supplemental_groups[${index}]`, { min: 0, max: ID_MAX }),
    ),
    supplementalGroupsPolicy: policyOf(context, field),
    readonlyRootfs: context.readonlyRootfs,
    noNewPrivileges: context.noNewPrivs,
    seccomp: seccompOf(context, field),
    maskedPaths: context.maskedPaths.map((path, index) => absolutePath(path, `${field}.masked_paths[${index}]`)),
    readonlyPaths: context.readonlyPaths.map((path, index) => absolutePath(path, `${field}.readonly_paths[${index}]`)),
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
  };
}

function userOf(
  { runAsUser, runAsGroup, runAsUsername }: LinuxContainerSecurityContext,
  field: string,
): Pick<ContainerSecurity, "runAsUser" | "runAsGroup" | "runAsUsername"> {
  if (runAsUser && runAsUsername !== "") {
    throw invalid(`${field}.run_as_username`, runAsUsername, "run_as_user is set too; leave one of them out");
  }
  if (runAsGroup && !runAsUser && runAsUsername === "") {
    throw invalid(`${field}.run_as_group`, runAsGroup.value, "run_as_user or run_as_username must be set with it");
  }
  const id = (value: bigint, name: string): number => integer(value, `${field}.${name}`, { min: 0, max: ID_MAX });
  return {
    ...(runAsUser ? { runAsUser: id(runAsUser.value, "run_as_user") } : {}),
    ...(runAsGroup ? { runAsGroup: id(runAsGroup.value, "run_as_group") } : {}),
    ...(runAsUsername === "" ? {} : { runAsUsername }),
  };
}

function policyOf(context: LinuxContainerSecurityContext, field: string): "merge" | "strict" {
  const policy = known(
    SupplementalGroupsPolicySchema,
    context.supplementalGroupsPolicy,
    `${field}.supplemental_groups_policy`,
  );
  return policy === SupplementalGroupsPolicy.Strict ? "strict" : "merge";
}
