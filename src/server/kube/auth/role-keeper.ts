/**
 * What a cluster's start-up hook and its controller do for roles: the default ones are there, and an aggregated role has
 * the rules of those that its selectors choose. Kubernetes: pkg/registry/rbac/rest/storage_rbac.go,
 * pkg/controller/clusterroleaggregation.
 */
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES } from "../../../api/access-resources.ts";
import { equalJson } from "../../../api/equal.ts";
import type { ClusterRole, ClusterRoleBinding, LabelSelector, PolicyRule } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { type Resource, resourceNameOf } from "../../../api/resources.ts";
import { rfc3339 } from "../../../base/clock.ts";
import type { Clock } from "../../../base/clock.ts";
import { newUid } from "../../../base/ids.ts";
import type { Store } from "../../../store/store.ts";
import { AUTO_UPDATE, DEFAULT_BINDINGS, DEFAULT_ROLES } from "./default-roles.ts";
import { uncovered } from "./policy-rule.ts";

/** Roles written for one change; more only happens when roles are made of each other in a circle. */
const ROUNDS_MAX = 1_000;

export interface RoleKeeperOptions {
  readonly store: Store;
  readonly clock: Clock;
}

export class RoleKeeper implements Disposable {
  readonly #options: RoleKeeperOptions;
  readonly #watch: Disposable;
  #aggregating = false;

  constructor(options: RoleKeeperOptions) {
    this.#options = options;
    for (const role of DEFAULT_ROLES) this.#ensure(CLUSTER_ROLES, role, withMissingRules);
    for (const binding of DEFAULT_BINDINGS) this.#ensure(CLUSTER_ROLE_BINDINGS, binding, withMissingSubjects);
    this.#watch = options.store.watch(resourceNameOf(CLUSTER_ROLES), () => this.#aggregateAll());
    this.#aggregateAll();
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }

  /** Creates it, or adds what a newer version of it has; nothing that somebody added is taken away. */
  #ensure<T extends KubeObject>(resource: Resource, wanted: T, completed: (stored: T, wanted: T) => T): void {
    const { store, clock } = this.#options;
    const called = resourceNameOf(resource);
    const stored = store.get({ resource: called, namespace: "", name: wanted.metadata.name! }) as T | undefined;
    if (stored?.metadata.annotations?.[AUTO_UPDATE] === "false") return;
    if (stored) return void store.update(called, completed(stored, wanted), "async");
    const metadata = { ...wanted.metadata, uid: newUid(), creationTimestamp: rfc3339(clock.now()) };
    // They are made again at the next start: a power cut may have them.
    store.create(called, { ...wanted, metadata }, "async");
  }

  #aggregateAll(): void {
    // Writing a role brings us back here.
    if (this.#aggregating) return;
    this.#aggregating = true;
    try {
      for (let round = 0; round < ROUNDS_MAX && this.#aggregateOne(); round++);
    } finally {
      this.#aggregating = false;
    }
  }

  /** Brings the first role up to date whose parts have changed; false when there is none. */
  #aggregateOne(): boolean {
    const { store } = this.#options;
    const called = resourceNameOf(CLUSTER_ROLES);
    const roles = store.list(called).items as readonly ClusterRole[];
    for (const role of roles) {
      if (!role.aggregationRule) continue;
      const rules = aggregateOf(role, roles);
      if (equalJson(rules, role.rules ?? [])) continue;
      store.update(called, { ...role, rules }, "async");
      return true;
    }
    return false;
  }
}

/** The rules of all roles that the selectors choose, in the order of their names, each once. */
function aggregateOf({ metadata, aggregationRule }: ClusterRole, roles: readonly ClusterRole[]): PolicyRule[] {
  const rules: PolicyRule[] = [];
  for (const selector of aggregationRule?.clusterRoleSelectors ?? []) {
    for (const role of roles) {
      if (role.metadata.name === metadata.name || !chooses(selector, role.metadata.labels ?? {})) continue;
      for (const rule of role.rules ?? []) if (!rules.some((own) => equalJson(own, rule))) rules.push(rule);
    }
  }
  return rules;
}

function chooses(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const equal = Object.entries(matchLabels).every(([key, value]) => labels[key] === value);
  return (
    equal &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case "In":
          return value !== undefined && values.includes(value);
        case "NotIn":
          return value === undefined || !values.includes(value);
        case "Exists":
          return value !== undefined;
        default:
          return operator === "DoesNotExist" && value === undefined;
      }
    })
  );
}

function withMissingRules(stored: ClusterRole, wanted: ClusterRole): ClusterRole {
  if (wanted.aggregationRule) return stored;
  const missing = (wanted.rules ?? []).filter((rule) => uncovered(stored.rules ?? [], [rule]).length > 0);
  return missing.length === 0 ? stored : { ...stored, rules: [...(stored.rules ?? []), ...missing] };
}

function withMissingSubjects(stored: ClusterRoleBinding, wanted: ClusterRoleBinding): ClusterRoleBinding {
  const own = stored.subjects ?? [];
  const missing = (wanted.subjects ?? []).filter((subject) => !own.some((each) => each.name === subject.name));
  return missing.length === 0 ? stored : { ...stored, subjects: [...own, ...missing] };
}
