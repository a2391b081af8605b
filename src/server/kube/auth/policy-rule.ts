/**
 * One rule of a role: whether it allows a request, and whether it covers another rule. Pure.
 * Kubernetes: pkg/apis/rbac/v1/evaluation_helpers.go, component-helpers/auth/rbac/validation/policy_comparator.go.
 */
import type { PolicyRule } from "../../../api/gen/types.ts";
import type { Attributes } from "./attributes.ts";

const ALL = "*";

export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!matches(rule.verbs, attributes.verb)) return false;
  if (attributes.type === "path") return (rule.nonResourceURLs ?? []).some((url) => coversUrl(url, attributes.path));
  const { group, resource, subresource, name } = attributes;
  const names = rule.resourceNames ?? [];
  return (
    matches(rule.apiGroups ?? [], group) &&
    (rule.resources ?? []).some((own) =>
      coversResource(own, subresource === "" ? resource : `${resource}/${subresource}`),
    ) &&
    (names.length === 0 || names.includes(name))
  );
}

/** The parts of `wanted`, each of one verb, resource and name, that no rule of `held` covers. */
export function uncovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(broken).filter((part) => !held.some((rule) => covers(rule, part)));
}

/** A rule as many that each have one verb, one group and resource or one URL, and at most one name. */
function broken(rule: PolicyRule): PolicyRule[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = resourceNames.length > 0 ? resourceNames.map((name) => ({ resourceNames: [name] })) : [{}];
  const parts: PolicyRule[] = [];
  for (const group of apiGroups) {
    for (const resource of resources) {
      for (const verb of verbs) {
        for (const named of names) parts.push({ apiGroups: [group], resources: [resource], ...named, verbs: [verb] });
      }
    }
  }
  for (const url of nonResourceURLs) for (const verb of verbs) parts.push({ nonResourceURLs: [url], verbs: [verb] });
  return parts;
}

function covers(held: PolicyRule, part: PolicyRule): boolean {
  const own = held.resourceNames ?? [];
  const [verb, group, resource, name, url] = [
    part.verbs[0]!,
    part.apiGroups?.[0],
    part.resources?.[0],
    part.resourceNames?.[0],
    part.nonResourceURLs?.[0],
  ];
  if (!matches(held.verbs, verb)) return false;
  if (url !== undefined) return (held.nonResourceURLs ?? []).some((pattern) => coversUrl(pattern, url));
  return (
    matches(held.apiGroups ?? [], group!) &&
    (held.resources ?? []).some((pattern) => coversResource(pattern, resource!)) &&
    (own.length === 0 || (name !== undefined && own.includes(name)))
  );
}

function matches(own: readonly string[], value: string): boolean {
  return own.includes(ALL) || own.includes(value);
}

/** `pods`, `pods/log`, `*\/log` or `*`. */
function coversResource(own: string, wanted: string): boolean {
  if (own === ALL || own === wanted) return true;
  const [, subresource] = wanted.split("/");
  return subresource !== undefined && own === `*/${subresource}`;
}

/** A path, or the beginning of one before a star. */
function coversUrl(own: string, wanted: string): boolean {
  if (own === ALL || own === wanted) return true;
  return own.endsWith(ALL) && wanted.startsWith(own.slice(0, -1));
}

/**
 * Rules that differ only in their verbs as one, where that is simple: one group, one resource, at most one name.
 * Kubernetes: pkg/registry/rbac/validation/policy_compact.go.
 */
export function compact(rules: readonly PolicyRule[]): PolicyRule[] {
  const merged: PolicyRule[] = [];
  const simple = new Map<string, { readonly index: number; readonly verbs: Set<string> }>();
  for (const rule of rules) {
    const { apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [], verbs } = rule;
    const isSimple =
      apiGroups.length === 1 && resources.length === 1 && resourceNames.length <= 1 && nonResourceURLs.length === 0;
    const key = JSON.stringify([apiGroups, resources, resourceNames]);
    const before = isSimple ? simple.get(key) : undefined;
    if (before) {
      for (const verb of verbs) before.verbs.add(verb);
      merged[before.index] = { ...merged[before.index]!, verbs: [...before.verbs] };
      continue;
    }
    if (isSimple) simple.set(key, { index: merged.length, verbs: new Set(verbs) });
    merged.push(rule);
  }
  return merged;
}

/** `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}` */
export function ruleText(rule: PolicyRule): string {
  const parts = {
    APIGroups: rule.apiGroups,
    Resources: rule.resources,
    NonResourceURLs: rule.nonResourceURLs,
    ResourceNames: rule.resourceNames,
    Verbs: rule.verbs,
  };
  const shown = Object.entries(parts).filter(([, values]) => (values?.length ?? 0) > 0);
  return `{${shown.map(([name, values]) => `${name}:${quotedList(values!)}`).join(", ")}}`;
}

/** As Go prints a list of strings with %q. */
export function quotedList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;
}
