/** What the kinds do differently when they are written. Kubernetes: pkg/registry/core/<kind>/strategy.go. */
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES } from "../../../api/access-resources.ts";
import type { KubeObject } from "../../../api/object.ts";
import { type Resource, resourceNameOf } from "../../../api/resources.ts";
import { rfc3339 } from "../../../base/clock.ts";
import type { Durability } from "../../../store/store.ts";
import { requireHeldRole, requireHeldRules } from "../auth/role-grant.ts";
import type { KubeServerOptions, ResourceContext } from "../context.ts";
import { podStrategy } from "../pods/pod-strategy.ts";

/** A subresource that writes a part of the object. */
export interface Part {
  /** Where that part is; what is said about other fields is not said again. */
  readonly path: string;
  /** The top-level fields that change, with all else in them as it was. */
  take(next: KubeObject, stored: KubeObject): Partial<KubeObject>;
}

export interface Strategy {
  /** The field whose changes are counted in `metadata.generation`; undefined when none is. */
  readonly generation: "spec" | "template" | "value" | undefined;
  /** Whether the status is a subresource, which a plain write does not touch. */
  readonly hasStatus: boolean;
  readonly durability: Durability;
  /** Subresources beside `status`, by name. */
  readonly parts?: Readonly<Record<string, Part>>;
  /** What the server adds to a new object, after the defaults and before the validation. */
  prepareCreate(object: KubeObject, node: KubeServerOptions): KubeObject;
  /** Refuses what this node can not honour or the user may not grant, and warns about what has no effect; after the validation. */
  checkSupport(object: KubeObject, context: ResourceContext): void;
}

const PLAIN: Strategy = {
  generation: undefined,
  hasStatus: false,
  durability: "sync",
  prepareCreate: (object) => object,
  checkSupport: () => {},
};

/** A status that a new object starts with, whatever the client says. */
function startingWith(status: (node: KubeServerOptions) => unknown): Strategy {
  return { ...PLAIN, hasStatus: true, prepareCreate: (object, node) => ({ ...object, status: status(node) }) };
}

const BY_RESOURCE: Readonly<Record<string, Strategy>> = {
  pods: podStrategy,
  namespaces: startingWith(() => ({ phase: "Active" })),
  nodes: { ...PLAIN, hasStatus: true, durability: "async" },
  events: { ...PLAIN, durability: "async" },
  "events.events.k8s.io": { ...PLAIN, durability: "async" },
  podtemplates: { ...PLAIN, generation: "template" },
  resourcequotas: startingWith(() => ({})),
  persistentvolumes: startingWith(({ clock }) => ({
    phase: "Pending",
    lastPhaseTransitionTime: rfc3339(clock.now()),
  })),
  persistentvolumeclaims: startingWith(() => ({ phase: "Pending" })),
  "leases.coordination.k8s.io": { ...PLAIN, durability: "async" },
  "priorityclasses.scheduling.k8s.io": { ...PLAIN, generation: "value" },
  [resourceNameOf(ROLES)]: { ...PLAIN, checkSupport: requireHeldRules },
  [resourceNameOf(CLUSTER_ROLES)]: { ...PLAIN, checkSupport: requireHeldRules },
  [resourceNameOf(ROLE_BINDINGS)]: { ...PLAIN, checkSupport: requireHeldRole },
  [resourceNameOf(CLUSTER_ROLE_BINDINGS)]: { ...PLAIN, checkSupport: requireHeldRole },
};

export function strategyOf(resource: Resource): Strategy {
  return BY_RESOURCE[resourceNameOf(resource)] ?? PLAIN;
}
