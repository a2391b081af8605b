/** A user namespace that is joined, in the words of the OCI spec. Pure. */
import type { IdMapping, UserNamespace } from "../host/host.ts";
import type { SpecIdMapping, SpecLinux } from "./runtime-spec.ts";

/** runc wants to know the ids of a namespace also when it only joins it; crun looks for itself. */
export function userMappings(user: UserNamespace | undefined): Pick<SpecLinux, "uidMappings" | "gidMappings"> {
  return user ? { uidMappings: user.uidMappings.map(specMapping), gidMappings: user.gidMappings.map(specMapping) } : {};
}

function specMapping({ containerId, hostId, size }: IdMapping): SpecIdMapping {
  return { containerID: containerId, hostID: hostId, size };
}
