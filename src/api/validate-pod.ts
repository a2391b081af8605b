/** A Pod's spec. */
import { type FieldError, forbidden, invalid, oneOf, required } from "./field-error.ts";
import type { HostAlias, Pod, PodDNSConfig, PodSpec } from "./gen/types.ts";
import { isIp, labelNameFaults, qualifiedNameFaults, searchDomainFaults, subdomainFaults } from "./names.ts";
import { validateContainers, validateEphemeralContainers, validateInitContainers } from "./validate-container.ts";
import { faults, validateLabels } from "./validate-meta.ts";
import { validatePodSecurity } from "./validate-security.ts";
import { validateTolerations } from "./validate-tolerations.ts";
import { validateVolumes } from "./validate-volume.ts";

const INT32_MAX = 2 ** 31 - 1;
const NAMESERVERS_MAX = 3;
const SEARCHES_MAX = 32;
const SEARCHES_MAX_CHARACTERS = 2048;

/** Of a new Pod, on top: what looks into it is added when it runs. */
export function* validatePodCreate({ spec }: Pod): Generator<FieldError> {
  if ((spec?.ephemeralContainers ?? []).length > 0)
    yield forbidden("spec.ephemeralContainers", "cannot be set on create");
}

export function* validatePodSpec(spec: PodSpec | undefined): Generator<FieldError> {
  if (!spec) {
    yield required("spec.containers");
    return;
  }
  yield* validateVolumes(spec.volumes ?? [], "spec.volumes");
  yield* validateContainers(spec);
  yield* validateInitContainers(spec);
  yield* validateEphemeralContainers(spec);
  yield* validateHostNetworkPorts(spec);
  yield* oneOf("spec.restartPolicy", spec.restartPolicy ?? "", ["Always", "OnFailure", "Never"]);
  const dns = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
  yield* oneOf("spec.dnsPolicy", spec.dnsPolicy ?? "", dns);
  yield* validateLabels(spec.nodeSelector, "spec.nodeSelector");
  yield* validatePodSecurity(spec);
  yield* validateDnsConfig(spec.dnsConfig, spec.dnsPolicy);
  for (const [index, gate] of (spec.readinessGates ?? []).entries()) {
    const path = `spec.readinessGates[${index}].conditionType`;
    yield* faults(path, gate.conditionType, qualifiedNameFaults(gate.conditionType));
  }
  yield* validateNames(spec);
  yield* validateTimes(spec);
  yield* validateTolerations(spec.tolerations ?? [], "spec.tolerations");
  yield* validateHostAliases(spec.hostAliases ?? []);
  if (spec.preemptionPolicy) {
    yield* oneOf("spec.preemptionPolicy", spec.preemptionPolicy, ["PreemptLowerPriority", "Never"]);
  }
  if (spec.os) yield* oneOf("spec.os.name", spec.os.name, ["linux", "windows"]);
}

function* validateNames(spec: PodSpec): Generator<FieldError> {
  const { serviceAccountName, nodeName, hostname, subdomain, priorityClassName, runtimeClassName } = spec;
  const subdomains = { serviceAccountName, nodeName, priorityClassName, runtimeClassName };
  for (const [field, name] of Object.entries(subdomains)) {
    if (name) yield* faults(`spec.${field}`, name, subdomainFaults(name));
  }
  for (const [field, name] of Object.entries({ hostname, subdomain })) {
    if (name) yield* faults(`spec.${field}`, name, labelNameFaults(name));
  }
}

function* validateTimes(spec: PodSpec): Generator<FieldError> {
  const { activeDeadlineSeconds, terminationGracePeriodSeconds } = spec;
  if (activeDeadlineSeconds !== undefined && (activeDeadlineSeconds < 1 || activeDeadlineSeconds > INT32_MAX)) {
    const message = `must be between 1 and ${INT32_MAX}, inclusive`;
    yield invalid("spec.activeDeadlineSeconds", activeDeadlineSeconds, message);
  }
  if (terminationGracePeriodSeconds === undefined) yield required("spec.terminationGracePeriodSeconds");
}

function* validateHostNetworkPorts(spec: PodSpec): Generator<FieldError> {
  if (!spec.hostNetwork) return;
  for (const [at, container] of (spec.containers ?? []).entries()) {
    for (const [index, port] of (container.ports ?? []).entries()) {
      if (port.hostPort === port.containerPort) continue;
      const path = `spec.containers[${at}].ports[${index}].hostPort`;
      yield invalid(path, port.hostPort ?? 0, "must match `containerPort` when `hostNetwork` is true");
    }
  }
}

function* validateDnsConfig(config: PodDNSConfig | undefined, policy: string | undefined): Generator<FieldError> {
  const path = "spec.dnsConfig";
  const { nameservers = [], searches = [], options = [] } = config ?? {};
  if (policy === "None") {
    if (!config) {
      yield required(path, "must provide `dnsConfig` when `dnsPolicy` is None");
      return;
    }
    if (nameservers.length === 0) {
      const detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
      yield required(`${path}.nameservers`, detail);
      return;
    }
  }
  if (nameservers.length > NAMESERVERS_MAX) {
    yield invalid(`${path}.nameservers`, nameservers, `must not have more than ${NAMESERVERS_MAX} nameservers`);
  }
  for (const [index, server] of nameservers.entries()) yield* validateIp(`${path}.nameservers[${index}]`, server);
  if (searches.length > SEARCHES_MAX) {
    yield invalid(`${path}.searches`, searches, `must not have more than ${SEARCHES_MAX} search paths`);
  }
  if (searches.join(" ").length > SEARCHES_MAX_CHARACTERS) {
    const message = `must not have more than ${SEARCHES_MAX_CHARACTERS} characters (including spaces) in the search list`;
    yield invalid(`${path}.searches`, searches, message);
  }
  for (const [index, search] of searches.entries()) {
    yield* faults(`${path}.searches[${index}]`, search, searchDomainFaults(search));
  }
  for (const [index, option] of options.entries()) {
    if (!option.name) yield required(`${path}.options[${index}]`, "must not be empty");
  }
}

function validateIp(path: string, value: string): FieldError[] {
  return isIp(value) ? [] : [invalid(path, value, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")];
}

function* validateHostAliases(aliases: readonly HostAlias[]): Generator<FieldError> {
  for (const [index, alias] of aliases.entries()) {
    const path = `spec.hostAliases[${index}]`;
    yield* validateIp(`${path}.ip`, alias.ip ?? "");
    for (const [at, hostname] of (alias.hostnames ?? []).entries()) {
      yield* faults(`${path}.hostnames[${at}]`, hostname, subdomainFaults(hostname));
    }
  }
}
