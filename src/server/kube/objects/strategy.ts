/** What the kinds do differently when they are written. Kubernetes: pkg/registry/core/<kind>/strategy.go. */
import type { KubeObject } from "../../../api/object.ts";
import type { Resource } from "../../../api/resources.ts";
import type { Durability } from "../../../store/store.ts";
import type { KubeServerOptions, ResourceContext } from "../context.ts";
import { podStrategy } from "../pods/pod-strategy.ts";

export interface Strategy {
  /** Whether changes of the spec are counted in `metadata.generation`. */
  readonly generation: boolean;
  /** Whether the status is a subresource, which a plain write does not touch. */
  readonly hasStatus: boolean;
  readonly durability: Durability;
  /** What the server adds to a new object, after the defaults and before the validation. */
  prepareCreate(object: KubeObject, node: KubeServerOptions): KubeObject;
  /** Refuses what this node can not honour, and warns about what it does not; after the validation. */
  checkSupport(object: KubeObject, context: ResourceContext): void;
}

const PLAIN: Strategy = {
  generation: false,
  hasStatus: false,
  durability: "sync",
  prepareCreate: (object) => object,
  checkSupport: () => {},
};

const BY_RESOURCE: Readonly<Record<string, Strategy>> = {
  pods: podStrategy,
  namespaces: { ...PLAIN, hasStatus: true },
  nodes: { ...PLAIN, hasStatus: true, durability: "async" },
  events: { ...PLAIN, durability: "async" },
};

export function strategyOf({ plural, group }: Resource): Strategy {
  return (group === "" ? BY_RESOURCE[plural] : undefined) ?? PLAIN;
}
