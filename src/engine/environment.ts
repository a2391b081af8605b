/**
 * A container's environment: `envFrom` in order, then `env`, each value expanded with what came before it and with where
 * the API is, which comes last. Kubernetes: pkg/kubelet/kubelet_pods.go, makeEnvironmentVariables.
 */
import { expandVariables } from "../api/env-expand.ts";
import { resourceFieldValue } from "../api/resource-field.ts";
import { fieldValue } from "../api/fields.ts";
import type { ConfigMap, Container, EnvFromSource, EnvVar, EnvVarSource, Pod, Secret } from "../api/gen/types.ts";
import { MinkeError } from "../base/errors.ts";
import type { Store } from "../store/store.ts";
import { type ApiServer, serviceEnvironment } from "./service-environment.ts";

export interface FieldSources {
  readonly nodeName: string;
  readonly hostIp: string;
  readonly podIps: readonly string[];
}

export interface EnvironmentInputs {
  readonly store: Pick<Store, "get">;
  readonly fields: FieldSources;
  /** What the machine has: the limits of a container that has none. */
  readonly allocatable: Readonly<Record<string, string>>;
  /** undefined: Pods do not reach the API. */
  readonly apiServer: ApiServer | undefined;
}

/** Rejects with reason `CreateContainerConfigError` and the kubelet's words when something it refers to is missing. */
export function resolveEnvironment(
  pod: Pod,
  container: Container,
  inputs: EnvironmentInputs,
): readonly (readonly [string, string])[] {
  const services = new Map(inputs.apiServer ? serviceEnvironment(inputs.apiServer) : []);
  const env = new Map<string, string>();
  const lookup = (name: string): string | undefined => env.get(name) ?? services.get(name);
  for (const source of container.envFrom ?? []) {
    for (const [name, value] of fromSource(pod, source, inputs.store)) {
      if (isName(name)) env.set(name, value);
    }
  }
  for (const variable of container.env ?? []) {
    const value = valueOf(pod, container, variable, { lookup, inputs });
    if (value !== undefined) env.set(variable.name, value);
  }
  for (const [name, value] of services) if (!env.has(name)) env.set(name, value);
  return [...env];
}

function valueOf(
  pod: Pod,
  container: Container,
  { value, valueFrom }: EnvVar,
  { lookup, inputs }: { readonly lookup: (name: string) => string | undefined; readonly inputs: EnvironmentInputs },
): string | undefined {
  if (!valueFrom) return expandVariables(value ?? "", lookup);
  if (!valueFrom.resourceFieldRef) return referenced(pod, valueFrom, inputs);
  const amount = resourceFieldValue(pod, valueFrom.resourceFieldRef, { container, allocatable: inputs.allocatable });
  if (amount !== undefined) return amount;
  const { resource, containerName = container.name } = valueFrom.resourceFieldRef;
  throw configError(`unsupported container resource: ${resource} of container ${containerName}`);
}

function referenced(pod: Pod, from: EnvVarSource, { store, fields }: EnvironmentInputs): string | undefined {
  const namespace = pod.metadata.namespace ?? "";
  if (from.fieldRef) return fieldValue(asPlaced(pod, fields), from.fieldRef.fieldPath);
  if (from.configMapKeyRef) {
    const { name = "", key, optional = false } = from.configMapKeyRef;
    const data = configMap(store, namespace, name, optional)?.data ?? {};
    if (Object.hasOwn(data, key)) return data[key];
    if (optional) return undefined;
    throw configError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
  }
  if (from.secretKeyRef) {
    const { name = "", key, optional = false } = from.secretKeyRef;
    const data = secret(store, namespace, name, optional)?.data ?? {};
    if (Object.hasOwn(data, key)) return decode(data[key]!);
    if (optional) return undefined;
    throw configError(`couldn't find key ${key} in Secret ${namespace}/${name}`);
  }
  throw configError("Cannot resolve valueFrom: its kind is not supported");
}

/** The Pod with what is known of its place now; its stored status may lag behind. */
function asPlaced(pod: Pod, { nodeName, hostIp, podIps }: FieldSources): Pod {
  const addresses = {
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIps[0] === undefined ? {} : { podIP: podIps[0] }),
    podIPs: podIps.map((ip) => ({ ip })),
  };
  return { ...pod, spec: { ...pod.spec!, nodeName }, status: { ...pod.status, ...addresses } };
}

function fromSource(
  pod: Pod,
  { prefix = "", configMapRef, secretRef }: EnvFromSource,
  store: Pick<Store, "get">,
): readonly (readonly [string, string])[] {
  const namespace = pod.metadata.namespace ?? "";
  if (configMapRef) {
    const object = configMap(store, namespace, configMapRef.name ?? "", configMapRef.optional ?? false);
    return Object.entries(object?.data ?? {}).map(([key, value]) => [prefix + key, value] as const);
  }
  if (!secretRef) return [];
  const object = secret(store, namespace, secretRef.name ?? "", secretRef.optional ?? false);
  return Object.entries(object?.data ?? {}).map(([key, value]) => [prefix + key, decode(value)] as const);
}

function configMap(
  store: Pick<Store, "get">,
  namespace: string,
  name: string,
  optional: boolean,
): ConfigMap | undefined {
  const object = store.get({ resource: "configmaps", namespace, name }) as ConfigMap | undefined;
  if (!object && !optional) throw configError(`configmap "${name}" not found`);
  return object;
}

function secret(store: Pick<Store, "get">, namespace: string, name: string, optional: boolean): Secret | undefined {
  const object = store.get({ resource: "secrets", namespace, name }) as Secret | undefined;
  if (!object && !optional) throw configError(`secret "${name}" not found`);
  return object;
}

function decode(base64: string): string {
  return Buffer.from(base64, "base64").toString("utf8");
}

/** Any printable ASCII but `=`; a key that can not be a name is left out, as the kubelet does. */
function isName(name: string): boolean {
  return /^[\x20-\x3c\x3e-\x7e]+$/.test(name);
}

function configError(message: string): MinkeError {
  return new MinkeError("FailedPrecondition", message, { reason: "CreateContainerConfigError" });
}
