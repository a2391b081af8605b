/** Environment variables and where their values come from. */
import { type FieldError, invalid, notSupported, required } from "./field-error.ts";
import { ENV_FIELD_PATHS, splitFieldPath } from "./fields.ts";
import type { EnvFromSource, EnvVar, EnvVarSource, ObjectFieldSelector } from "./gen/types.ts";
import { configKeyFaults, envNameFaults, qualifiedNameFaults, subdomainFaults } from "./names.ts";
import { faults } from "./validate-meta.ts";

export function* validateEnv(env: readonly EnvVar[], path: string): Generator<FieldError> {
  for (const [index, variable] of env.entries()) {
    const at = `${path}[${index}]`;
    if (!variable.name) yield required(`${at}.name`);
    else yield* faults(`${at}.name`, variable.name, envNameFaults(variable.name));
    if (variable.valueFrom) yield* validateSource(variable.valueFrom, variable.value ?? "", `${at}.valueFrom`);
  }
}

function* validateSource(source: EnvVarSource, value: string, path: string): Generator<FieldError> {
  const { fieldRef, configMapKeyRef, secretKeyRef } = source;
  if (fieldRef) yield* validateFieldRef(fieldRef, ENV_FIELD_PATHS, `${path}.fieldRef`);
  for (const [field, reference] of Object.entries({ configMapKeyRef, secretKeyRef })) {
    if (!reference) continue;
    const { name = "", key } = reference;
    yield* faults(`${path}.${field}.name`, name, subdomainFaults(name));
    if (!key) yield required(`${path}.${field}.key`);
    else yield* faults(`${path}.${field}.key`, key, configKeyFaults(key));
  }
  const count = Object.values(source).filter((each) => each !== undefined).length;
  if (count === 0) {
    const choice = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
    yield invalid(path, "", `must specify one of: ${choice}`);
  } else if (value !== "") yield invalid(path, "", "may not be specified when `value` is not empty");
  else if (count > 1) yield invalid(path, "", "may not have more than one field specified at a time");
}

/** A reference of the downward API, whose path must be in `allowed`, or a label or annotation by its key. */
export function* validateFieldRef(
  reference: ObjectFieldSelector,
  allowed: readonly string[],
  path: string,
): Generator<FieldError> {
  if (!reference.fieldPath) {
    yield required(`${path}.fieldPath`);
    return;
  }
  const { field, key } = splitFieldPath(reference.fieldPath);
  if (key !== undefined && (field === "metadata.labels" || field === "metadata.annotations")) {
    yield* faults(path, key, qualifiedNameFaults(field === "metadata.labels" ? key : key.toLowerCase()));
  } else if (key !== undefined) yield invalid(path, field, "does not support subscript");
  else if (!allowed.includes(field)) yield notSupported(`${path}.fieldPath`, field, allowed);
}

export function* validateEnvFrom(sources: readonly EnvFromSource[], path: string): Generator<FieldError> {
  for (const [index, { prefix, configMapRef, secretRef }] of sources.entries()) {
    const at = `${path}[${index}]`;
    if (prefix) yield* faults(`${at}.prefix`, prefix, envNameFaults(prefix));
    for (const [field, reference] of Object.entries({ configMapRef, secretRef })) {
      if (!reference) continue;
      if (!reference.name) yield required(`${at}.${field}.name`);
      else yield* faults(`${at}.${field}.name`, reference.name, subdomainFaults(reference.name));
    }
    if (!configMapRef && !secretRef) yield invalid(at, "", "must specify one of: `configMapRef` or `secretRef`");
    else if (configMapRef && secretRef) yield invalid(at, "", "may not have more than one field specified at a time");
  }
}
