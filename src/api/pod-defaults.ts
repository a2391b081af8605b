/** The defaults of a Pod's spec, as it stands in Pods and in templates. */
import type { Draft } from "./draft.ts";
import type { Container, EphemeralContainer, PodSpec, Probe, Volume } from "./gen/types.ts";
import { imageTag } from "./image-tag.ts";
import { roundUpAmounts } from "./quantity.ts";

type AnyContainer = Draft<Container> | Draft<EphemeralContainer>;

const GRACE_PERIOD_S = 30;
const FILE_MODE = 0o644;
const TOKEN_LIFETIME_S = 3600;

export function defaultPodSpec(spec: Draft<PodSpec>): void {
  spec.restartPolicy ||= "Always";
  spec.dnsPolicy ||= "ClusterFirst";
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= GRACE_PERIOD_S;
  spec.schedulerName ||= "default-scheduler";
  spec.enableServiceLinks ??= true;
  // The older name of the same field: both say the same.
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) spec.serviceAccountName = spec.serviceAccount = account;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    defaultContainer(container);
    defaultResources(container);
    if (spec.hostNetwork) for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  }
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container);
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  if (spec.overhead) spec.overhead = roundUpAmounts(spec.overhead);
}

function defaultContainer(container: AnyContainer): void {
  container.imagePullPolicy ||= pullPolicy(container.image);
  container.terminationMessagePath ||= "/dev/termination-log";
  container.terminationMessagePolicy ||= "File";
  container.resources ??= {};
  for (const port of container.ports ?? []) port.protocol ||= "TCP";
  for (const env of container.env ?? []) if (env.valueFrom?.fieldRef) env.valueFrom.fieldRef.apiVersion ||= "v1";
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe) defaultProbe(probe);
  }
  for (const handler of [container.lifecycle?.postStart, container.lifecycle?.preStop]) {
    if (handler?.httpGet) defaultHttpGet(handler.httpGet);
  }
}

function pullPolicy(image: string | undefined): string {
  return imageTag(image ?? "") === "latest" ? "Always" : "IfNotPresent";
}

/** A limit without a request is the request too; CPU and memory are kept in thousandths at the finest. */
function defaultResources(container: Draft<Container>): void {
  const resources = container.resources!;
  if (resources.limits) resources.limits = roundUpAmounts(resources.limits);
  if (resources.requests) resources.requests = roundUpAmounts(resources.requests);
  if (resources.limits) resources.requests = { ...resources.limits, ...resources.requests };
}

function defaultProbe(probe: Draft<Probe>): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.httpGet) defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= "";
}

function defaultHttpGet(get: Draft<NonNullable<Probe["httpGet"]>>): void {
  get.path ||= "/";
  get.scheme ||= "HTTP";
}

function defaultVolume(volume: Draft<Volume>): void {
  if (Object.keys(volume).every((key) => key === "name")) volume.emptyDir = {};
  if (volume.hostPath) volume.hostPath.type ??= "";
  if (volume.ephemeral?.volumeClaimTemplate?.spec)
    volume.ephemeral.volumeClaimTemplate.spec.volumeMode ||= "Filesystem";
  for (const source of [volume.configMap, volume.secret, volume.downwardAPI, volume.projected]) {
    if (source) source.defaultMode ??= FILE_MODE;
  }
  if (volume.image) volume.image.pullPolicy ||= pullPolicy(volume.image.reference);
  const files = (volume.projected?.sources ?? []).flatMap((source) => source.downwardAPI?.items ?? []);
  for (const file of [...(volume.downwardAPI?.items ?? []), ...files]) {
    if (file.fieldRef) file.fieldRef.apiVersion ||= "v1";
  }
  for (const { serviceAccountToken } of volume.projected?.sources ?? []) {
    if (serviceAccountToken) serviceAccountToken.expirationSeconds ??= TOKEN_LIFETIME_S;
  }
}
