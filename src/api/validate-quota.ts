/** Limit ranges and resource quotas (Kubernetes: pkg/apis/core/validation). */
import { equalJson } from "./equal.ts";
import { duplicate, type FieldError, forbidden, invalid, required } from "./field-error.ts";
import type { LimitRange, LimitRangeItem, ResourceQuota, ResourceQuotaSpec } from "./gen/types.ts";
import { qualifiedNameFaults } from "./names.ts";
import { canonicalQuantity, compareQuantity, parseQuantity } from "./quantity.ts";
import { isIntegerResource, validateLimitedResourceName, validateQuotaResourceName } from "./resource-names.ts";
import { faults } from "./validate-meta.ts";

const TYPES = ["Pod", "Container", "PersistentVolumeClaim"];

export function* validateLimitRange({ spec }: LimitRange): Generator<FieldError> {
  const seen = new Set<string>();
  for (const [index, item] of (spec?.limits ?? []).entries()) {
    const path = `spec.limits[${index}]`;
    yield* validateType(item.type, `${path}.type`);
    if (seen.has(item.type)) yield duplicate(`${path}.type`, item.type);
    seen.add(item.type);
    yield* validateItem(item, path);
  }
}

function* validateType(type: string, path: string): Generator<FieldError> {
  const wrong = qualifiedNameFaults(type);
  yield* faults(path, type, wrong);
  if (wrong.length > 0 || type.includes("/") || TYPES.includes(type)) return;
  yield invalid(path, type, "must be a standard limit type or fully qualified");
}

const BOUNDS = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

function* validateItem(item: LimitRangeItem, path: string): Generator<FieldError> {
  for (const bound of BOUNDS) {
    const names = Object.keys(item[bound] ?? {});
    if (item.type === "Pod" && bound.startsWith("default") && names.length > 0) {
      yield forbidden(`${path}.${bound}`, "may not be specified when `type` is 'Pod'");
      continue;
    }
    for (const name of names) yield* validateLimitedResourceName(item.type, name, `${path}.${bound}[${name}]`);
  }
  if (item.type === "PersistentVolumeClaim" && item.min?.["storage"] === undefined && !item.max?.["storage"]) {
    const rule = "either minimum or maximum storage value is required, but neither was provided";
    yield required(`${path}.limits`, rule);
  }
  const names = new Set(BOUNDS.flatMap((bound) => Object.keys(item[bound] ?? {})));
  for (const name of names) yield* validateOrder(item, name, path);
}

const WORDS = { min: "min", max: "max", default: "default", defaultRequest: "default request" } as const;

/** Pairs that have to be in order, and which of the two is told. */
const ORDERED = [
  ["min", "max", "min", "min"],
  ["min", "defaultRequest", "defaultRequest", "defaultRequest"],
  ["defaultRequest", "max", "defaultRequest", "defaultRequest"],
  ["defaultRequest", "default", "defaultRequest", "defaultRequest"],
  ["min", "default", "default", "min"],
  ["default", "max", "default", "max"],
] as const;

function* validateOrder(item: LimitRangeItem, name: string, path: string): Generator<FieldError> {
  for (const [low, high, field, shown] of ORDERED) {
    const [a, b] = [item[low]?.[name], item[high]?.[name]];
    if (a === undefined || b === undefined || compareQuantity(a, b) <= 0) continue;
    const [least, most] = [canonicalQuantity(a), canonicalQuantity(b)];
    const highWord = high === "default" && low === "defaultRequest" ? "default limit" : WORDS[high];
    const message = `${WORDS[low]} value ${least} is greater than ${highWord} value ${most}`;
    yield invalid(`${path}.${field}[${name}]`, canonicalQuantity(item[shown]![name]!), message);
  }
  const ratio = item.maxLimitRequestRatio?.[name];
  if (ratio === undefined) return;
  const [at, text] = [`${path}.maxLimitRequestRatio[${name}]`, canonicalQuantity(ratio)];
  if (compareQuantity(ratio, 1) < 0) yield invalid(at, text, `ratio ${text} is less than 1`);
  const [min, max] = [item.min?.[name], item.max?.[name]];
  if (min === undefined || max === undefined) return;
  const possible = Number(parseQuantity(max).nanos) / Number(parseQuantity(min).nanos);
  if (Number(parseQuantity(ratio).nanos) / 1e9 > possible) {
    yield invalid(at, text, `ratio ${text} is greater than max/min = ${possible.toFixed(6)}`);
  }
}

const SCOPES = [
  "Terminating",
  "NotTerminating",
  "BestEffort",
  "NotBestEffort",
  "PriorityClass",
  "VolumeAttributesClass",
  "CrossNamespacePodAffinity",
];
const OPPOSITES = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
] as const;
const OF_PODS = ["pods", ...["cpu", "memory"].flatMap((name) => [name, `limits.${name}`, `requests.${name}`])];

export function* validateResourceQuota({ spec = {} }: ResourceQuota): Generator<FieldError> {
  for (const [name, amount] of Object.entries(spec.hard ?? {})) {
    const path = `spec.hard[${name}]`;
    yield* validateQuotaResourceName(name, path);
    const text = canonicalQuantity(amount);
    if (compareQuantity(amount, 0) < 0) yield invalid(path, text, "must be greater than or equal to 0");
    if (isIntegerResource(name) && parseQuantity(amount).nanos % 1_000_000_000n !== 0n) {
      yield invalid(path, text, "must be an integer");
    }
  }
  yield* validateScopes(spec);
  yield* validateScopeSelector(spec);
}

function* validateScopes({ scopes = [], hard = {} }: ResourceQuotaSpec): Generator<FieldError> {
  for (const scope of scopes) {
    if (!SCOPES.includes(scope)) yield invalid("spec.scopes", scopes, "unsupported scope");
    for (const name of Object.keys(hard)) {
      if (!appliesTo(scope, name)) yield invalid("spec.scopes", scopes, "unsupported scope applied to resource");
    }
  }
  yield* conflicts(scopes, "spec.scopes", scopes);
}

function* conflicts(scopes: readonly string[], path: string, value: unknown): Generator<FieldError> {
  for (const pair of OPPOSITES) {
    if (pair.every((scope) => scopes.includes(scope))) yield invalid(path, value, "conflicting scopes");
  }
}

function appliesTo(scope: string, name: string): boolean {
  if (scope === "BestEffort") return name === "pods";
  if (scope === "VolumeAttributesClass") return name === "persistentvolumeclaims" || name === "requests.storage";
  return !SCOPES.includes(scope) || OF_PODS.includes(name);
}

function* validateScopeSelector({ scopeSelector, hard = {}, scopes = [] }: ResourceQuotaSpec): Generator<FieldError> {
  const path = "spec.scopeSelector.matchExpressions";
  for (const { scopeName, operator, values = [] } of scopeSelector?.matchExpressions ?? []) {
    if (!SCOPES.includes(scopeName)) yield invalid(`${path}.scopeName`, scopeName, "unsupported scope");
    for (const name of Object.keys(hard)) {
      if (!appliesTo(scopeName, name)) yield invalid(path, scopeSelector, "unsupported scope applied to resource");
    }
    const withValues = scopeName === "PriorityClass" || scopeName === "VolumeAttributesClass";
    if (!withValues && SCOPES.includes(scopeName) && operator !== "Exists") {
      const rule =
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
      yield invalid(`${path}.operator`, operator, rule);
    }
    if (operator === "In" || operator === "NotIn") {
      const rule = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      if (values.length === 0) yield required(`${path}.values`, rule);
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      const rule = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
      if (values.length > 0) yield invalid(`${path}.values`, values, rule);
    } else yield invalid(`${path}.operator`, operator, "not a valid selector operator");
  }
  const named = (scopeSelector?.matchExpressions ?? []).map(({ scopeName }) => scopeName);
  yield* conflicts(named, path, scopes);
}

export function* validateResourceQuotaUpdate(next: ResourceQuota, previous: ResourceQuota): Generator<FieldError> {
  const sorted = ({ spec }: ResourceQuota): readonly string[] => (spec?.scopes ?? []).toSorted();
  if (!equalJson(sorted(next), sorted(previous))) {
    yield invalid("spec.scopes", next.spec?.scopes ?? null, "field is immutable");
  }
}
