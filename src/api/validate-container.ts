/** A Pod's containers. */
import { duplicate, type FieldError, forbidden, invalid, missing, oneOf, required } from "./field-error.ts";
import type { Container, ContainerPort, ContainerResizePolicy, PodSpec } from "./gen/types.ts";
import { labelNameFaults, portNameFaults } from "./names.ts";
import { validateEnv, validateEnvFrom } from "./validate-env.ts";
import { faults } from "./validate-meta.ts";
import { validatePortNumber } from "./validate-port.ts";
import { validateHandler, validateProbe } from "./validate-probe.ts";
import { validateResources } from "./validate-resources.ts";
import { validateContainerSecurity } from "./validate-security.ts";
import { validateVolumeMounts } from "./validate-volume.ts";

export function* validateContainers(spec: PodSpec): Generator<FieldError> {
  const containers = spec.containers ?? [];
  if (containers.length === 0) {
    yield required("spec.containers");
    return;
  }
  const names = new Set<string>();
  const hostPorts = new Set<string>();
  for (const [index, container] of containers.entries()) {
    const path = `spec.containers[${index}]`;
    yield* validateContainer(container, spec, path);
    yield* validateUnique(names, container.name, path);
    yield* validateHostPorts(container.ports ?? [], hostPorts, `${path}.ports`);
    for (const hook of ["postStart", "preStop"] as const) {
      const handler = container.lifecycle?.[hook];
      if (handler) yield* validateHandler(handler, `${path}.lifecycle.${hook}`, spec.terminationGracePeriodSeconds);
    }
    for (const kind of ["livenessProbe", "readinessProbe", "startupProbe"] as const) {
      const probe = container[kind];
      if (probe) yield* validateProbe(probe, kind, `${path}.${kind}`);
    }
  }
}

export function* validateInitContainers(spec: PodSpec): Generator<FieldError> {
  const names = new Set((spec.containers ?? []).map((container) => container.name));
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const path = `spec.initContainers[${index}]`;
    yield* validateContainer(container, spec, path);
    yield* validateUnique(names, container.name, path);
    yield* validateHostPorts(container.ports ?? [], new Set(), `${path}.ports`);
    if (container.restartPolicy === "Always") continue;
    for (const field of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const) {
      if (!container[field]) continue;
      yield forbidden(`${path}.${field}`, "may not be set for init containers without restartPolicy=Always");
    }
  }
}

/** Fields that a container that was added to look around may not have; it is no part of what the Pod does. */
const NOT_EPHEMERAL = [
  "ports",
  "resources",
  "resizePolicy",
  "restartPolicy",
  "restartPolicyRules",
  "livenessProbe",
  "readinessProbe",
  "startupProbe",
  "lifecycle",
] as const;
const NOT_EPHEMERAL_TEXT = "cannot be set for an Ephemeral Container";

export function* validateEphemeralContainers(spec: PodSpec): Generator<FieldError> {
  const others = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name);
  const names = new Set(others);
  for (const [index, container] of (spec.ephemeralContainers ?? []).entries()) {
    const path = `spec.ephemeralContainers[${index}]`;
    yield* validateContainer(container, spec, path);
    yield* validateUnique(names, container.name, path);
    for (const field of NOT_EPHEMERAL) {
      if (Object.keys(container[field] ?? {}).length > 0) yield forbidden(`${path}.${field}`, NOT_EPHEMERAL_TEXT);
    }
    for (const [at, mount] of (container.volumeMounts ?? []).entries()) {
      for (const field of ["subPath", "subPathExpr"] as const) {
        if (mount[field]) yield forbidden(`${path}.volumeMounts[${at}].${field}`, NOT_EPHEMERAL_TEXT);
      }
    }
    const target = container.targetContainerName ?? "";
    if (target !== "" && !others.includes(target)) yield missing(`${path}.targetContainerName`, target);
  }
}

/** What init and other containers share. */
function* validateContainer(container: Container, spec: PodSpec, path: string): Generator<FieldError> {
  const { name, image = "" } = container;
  if (name) yield* faults(`${path}.name`, name, labelNameFaults(name));
  else yield required(`${path}.name`);
  if (image === "") yield required(`${path}.image`);
  else if (image.trim() !== image) {
    yield invalid(`${path}.image`, image, "must not have leading or trailing whitespace");
  }
  const messagePolicies = ["File", "FallbackToLogsOnError"];
  yield* enumeration(`${path}.terminationMessagePolicy`, container.terminationMessagePolicy, messagePolicies);
  yield* validatePorts(container.ports ?? [], `${path}.ports`);
  yield* validateEnv(container.env ?? [], `${path}.env`);
  yield* validateEnvFrom(container.envFrom ?? [], `${path}.envFrom`);
  yield* validateVolumeMounts(container, spec.volumes ?? [], `${path}.volumeMounts`);
  yield* enumeration(`${path}.imagePullPolicy`, container.imagePullPolicy, ["Always", "IfNotPresent", "Never"]);
  yield* validateResources(container.resources ?? {}, `${path}.resources`);
  yield* validateResizePolicy(container.resizePolicy ?? [], spec.restartPolicy, `${path}.resizePolicy`);
  yield* validateContainerSecurity(container.securityContext, `${path}.securityContext`);
}

/** Kubernetes: validateResizePolicy, whose paths name no index. */
function* validateResizePolicy(
  policies: readonly ContainerResizePolicy[],
  podPolicy: string | undefined,
  path: string,
): Generator<FieldError> {
  const names = new Set<string>();
  for (const [index, { resourceName, restartPolicy }] of policies.entries()) {
    if (names.has(resourceName)) yield duplicate(`${path}[${index}]`, resourceName);
    names.add(resourceName);
    yield* enumeration(path, resourceName, ["cpu", "memory"]);
    yield* enumeration(path, restartPolicy, ["NotRequired", "RestartContainer"]);
    if (podPolicy === "Never" && restartPolicy !== "NotRequired") {
      yield invalid(path, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'");
    }
  }
}

function enumeration(path: string, value: string | undefined, supported: readonly string[]): FieldError[] {
  return value ? oneOf(path, value, supported) : [required(path)];
}

function* validateUnique(names: Set<string>, name: string, path: string): Generator<FieldError> {
  if (names.has(name)) yield duplicate(`${path}.name`, name);
  else if (name) names.add(name);
}

function* validatePorts(ports: readonly ContainerPort[], path: string): Generator<FieldError> {
  const names = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const at = `${path}[${index}]`;
    if (port.name) {
      const wrong = portNameFaults(port.name);
      yield* faults(`${at}.name`, port.name, wrong);
      if (wrong.length === 0 && names.has(port.name)) yield duplicate(`${at}.name`, port.name);
      names.add(port.name);
    }
    if (!port.containerPort) yield required(`${at}.containerPort`);
    else yield* validatePortNumber(port.containerPort, `${at}.containerPort`);
    if (port.hostPort) yield* validatePortNumber(port.hostPort, `${at}.hostPort`);
    yield* enumeration(`${at}.protocol`, port.protocol, ["SCTP", "TCP", "UDP"]);
  }
}

function* validateHostPorts(ports: readonly ContainerPort[], taken: Set<string>, path: string): Generator<FieldError> {
  for (const [index, port] of ports.entries()) {
    if (!port.hostPort) continue;
    const key = `${port.protocol ?? ""}/${port.hostIP ?? ""}/${port.hostPort}`;
    if (taken.has(key)) yield duplicate(`${path}[${index}].hostPort`, key);
    taken.add(key);
  }
}
