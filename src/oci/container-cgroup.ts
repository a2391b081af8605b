/** Where an OCI runtime puts a container's cgroup below that of its Pod, and what its spec has to say for it. Pure. */
import { basename, join } from "node:path";

import type { CgroupDriver } from "../host/cgroup/driver.ts";
import { siblingProperties, UNLIMITED } from "../host/cgroup/unit-properties.ts";
import type { CgroupResources } from "../host/host.ts";

export interface CgroupPlacing {
  readonly driver: CgroupDriver;
  /** In front of the names of scopes, so that they are known as the instance's. */
  readonly prefix: string;
  /** The service of systemd that we are, if we are one. */
  readonly service?: string | undefined;
  /** Whether the runtime is crun, which knows delegated parts of scopes. */
  readonly crun: boolean;
}

export interface ContainerCgroup {
  /** Relative to the hierarchy's root. */
  readonly path: string;
  /** `linux.cgroupsPath` of the spec. */
  readonly cgroupsPath: string;
}

/**
 * With systemd a scope of its own. crun puts container and limits into a cgroup below the scope, which is delegated: so they
 * are the container's and ours, all that the kernel knows can be set, and systemd never writes there. runc has only the scope.
 * The path that a spec has is then SLICE:PREFIX:NAME (runc's docs/systemd.md, which crun follows).
 */
export function containerCgroup(placing: CgroupPlacing, parent: string, name: string): ContainerCgroup {
  const { driver, prefix, crun } = placing;
  if (driver === "cgroupfs") return { path: join(parent, name), cgroupsPath: `/${join(parent, name)}` };
  const scope = join(parent, `${prefix}-${name}.scope`);
  const slice = parent === "." ? "-.slice" : basename(parent);
  return { path: crun ? join(scope, DELEGATED) : scope, cgroupsPath: `${slice}:${prefix}:${name}` };
}

/**
 * The spec's annotations: properties of the scope itself. It limits no tasks, since systemd would by itself (system.conf(5):
 * DefaultTasksMax), and has what the container counts for among others. At a shutdown it is stopped behind us, so that an end
 * which only that brings is not taken for the container's own, and the Pod comes back.
 */
export function cgroupAnnotations(
  { driver, service }: Pick<CgroupPlacing, "driver" | "service">,
  resources: CgroupResources,
): Readonly<Record<string, string>> {
  if (driver === "cgroupfs") return {};
  const properties = siblingProperties(resources).map(({ name, value }) => [name, `uint64 ${String(value)}`] as const);
  const all = [["TasksMax", `uint64 ${UNLIMITED}`] as const, ...properties];
  return {
    "run.oci.systemd.subgroup": DELEGATED,
    ...(service === undefined ? {} : { "org.systemd.property.Before": `['${service}']` }),
    ...Object.fromEntries(all.map(([name, value]) => [`org.systemd.property.${name}`, value])),
  };
}

/** As crun calls it by default (crun(1): run.oci.systemd.subgroup). */
const DELEGATED = "container";
