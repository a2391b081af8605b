/** The rows of the table in `support.ts`. */
import type { SupportEffect, SupportRule } from "./support.ts";

function rows(effect: SupportEffect, paths: readonly string[], message?: string): SupportRule[] {
  return paths.map((path) => ({ path, effect, ...(message !== undefined && { message }) }));
}

function isNot(expected: string): NonNullable<SupportRule["when"]> {
  return { description: `is not ${JSON.stringify(expected)}`, test: (value) => value !== expected };
}

function is(expected: unknown): NonNullable<SupportRule["when"]> {
  return { description: `is ${JSON.stringify(expected)}`, test: (value) => value === expected };
}

const NO_PROBES = "probes are not run yet: a container is ready as soon as it runs";
const NOT_YET = "is not supported yet; remove it";
const KNOWN_RESOURCES = ["cpu", "memory", "ephemeral-storage"];

/** Paths below a container. */
export const CONTAINER_RULES: readonly SupportRule[] = [
  ...rows("honoured", [
    "name",
    "image",
    "imagePullPolicy",
    "command",
    "args",
    "workingDir",
    "env[*].name",
    "env[*].value",
    "env[*].valueFrom.configMapKeyRef",
    "env[*].valueFrom.secretKeyRef",
    "env[*].valueFrom.fieldRef",
    "env[*].valueFrom.resourceFieldRef",
    "envFrom",
    "ports",
    "resources.limits",
    "resources.requests",
    "resizePolicy",
    "volumeMounts[*].name",
    "volumeMounts[*].mountPath",
    "volumeMounts[*].readOnly",
    "volumeMounts[*].subPath",
    "volumeMounts[*].mountPropagation",
    "volumeMounts[*].recursiveReadOnly",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "stdin",
    "stdinOnce",
    "tty",
    "securityContext.runAsUser",
    "securityContext.runAsGroup",
    "securityContext.runAsNonRoot",
    "securityContext.seccompProfile",
    "securityContext.capabilities",
    "securityContext.privileged",
    "securityContext.readOnlyRootFilesystem",
    "securityContext.allowPrivilegeEscalation",
    "securityContext.procMount",
  ]),
  ...rows("warn", ["livenessProbe", "readinessProbe", "startupProbe"], NO_PROBES),
  ...rows("warn", ["lifecycle"], "lifecycle hooks are not run yet"),
  ...rows("warn", ["securityContext.appArmorProfile"], "has no effect: AppArmor profiles are not applied"),
  ...rows("warn", ["securityContext.seLinuxOptions"], "has no effect: SELinux labels are not applied"),
  ...rows("warn", ["securityContext.windowsOptions"], "has no effect on Linux"),
  ...["limits", "requests"].flatMap((field): SupportRule[] => [
    {
      path: `resources.${field}[*]`,
      effect: "warn",
      message: "has no effect: only cpu and memory are limited",
      when: {
        description: "is ephemeral-storage or huge pages",
        test: (_value, { key }) => key === "ephemeral-storage" || key.startsWith("hugepages-"),
      },
    },
    {
      path: `resources.${field}[*]`,
      effect: "refuse",
      message: "this node has no such resource; remove it",
      when: {
        description: "is neither cpu, memory, ephemeral-storage nor huge pages",
        test: (_value, { key }) => !KNOWN_RESOURCES.includes(key) && !key.startsWith("hugepages-"),
      },
    },
  ]),
  ...rows("refuse", ["resources.claims"], `dynamic resource allocation ${NOT_YET}`),
  ...rows("refuse", ["restartPolicy", "restartPolicyRules"], `a restart policy per container (sidecars) ${NOT_YET}`),
  ...rows("refuse", ["env[*].valueFrom.fileKeyRef"], NOT_YET),
  ...rows("refuse", ["lifecycle.stopSignal"], NOT_YET),
  ...rows("refuse", ["volumeMounts[*].subPathExpr"], `${NOT_YET}, or write the path out in subPath`),
  ...rows("refuse", ["volumeDevices"], `block devices: ${NOT_YET}`),
  {
    path: "volumeMounts[*].recursiveReadOnly",
    effect: "refuse",
    message: "recursive read-only mounts cannot be promised yet; use IfPossible",
    when: is("Enabled"),
  },
  {
    path: "securityContext.procMount",
    effect: "refuse",
    message: "needs user namespaces, which are not supported yet; remove it",
    when: is("Unmasked"),
  },
];

/** Volume types that are neither honoured nor to come soon are one row each, so that each path is told. */
const OTHER_VOLUMES = [
  "awsElasticBlockStore",
  "azureDisk",
  "azureFile",
  "cephfs",
  "cinder",
  "csi",
  "fc",
  "flexVolume",
  "flocker",
  "gcePersistentDisk",
  "gitRepo",
  "glusterfs",
  "image",
  "iscsi",
  "nfs",
  "photonPersistentDisk",
  "portworxVolume",
  "quobyte",
  "rbd",
  "scaleIO",
  "storageos",
  "vsphereVolume",
];

export const POD_RULES: readonly SupportRule[] = [
  ...rows("honoured", [
    "spec.restartPolicy",
    "spec.terminationGracePeriodSeconds",
    "spec.activeDeadlineSeconds",
    "spec.shareProcessNamespace",
    "spec.hostNetwork",
    "spec.hostPID",
    "spec.hostIPC",
    "spec.hostUsers",
    "spec.hostname",
    "spec.hostAliases",
    "spec.dnsPolicy",
    "spec.dnsConfig",
    "spec.ephemeralContainers[*].targetContainerName",
    "spec.nodeName",
    "spec.os",
    "spec.runtimeClassName",
    "spec.overhead",
    "spec.priority",
    "spec.priorityClassName",
    "spec.imagePullSecrets",
    "spec.serviceAccount",
    "spec.serviceAccountName",
    "spec.automountServiceAccountToken",
    "spec.volumes[*].name",
    "spec.volumes[*].emptyDir",
    "spec.volumes[*].hostPath",
    "spec.volumes[*].configMap",
    "spec.volumes[*].secret",
    "spec.volumes[*].persistentVolumeClaim",
    "spec.volumes[*].downwardAPI",
    "spec.volumes[*].projected.defaultMode",
    "spec.volumes[*].projected.sources[*].configMap",
    "spec.volumes[*].projected.sources[*].secret",
    "spec.volumes[*].projected.sources[*].downwardAPI",
    "spec.volumes[*].projected.sources[*].serviceAccountToken",
    "spec.securityContext.supplementalGroupsPolicy",
    "spec.securityContext.runAsUser",
    "spec.securityContext.runAsGroup",
    "spec.securityContext.runAsNonRoot",
    "spec.securityContext.supplementalGroups",
    "spec.securityContext.supplementalGroupsPolicy",
    "spec.securityContext.fsGroup",
    "spec.securityContext.sysctls",
    "spec.securityContext.seccompProfile",
  ]),
  // There is one node and no cluster: what only a scheduler or a cluster would read.
  ...rows("stored", [
    "spec.affinity",
    "spec.nodeSelector",
    "spec.tolerations",
    "spec.topologySpreadConstraints",
    "spec.schedulerName",
    "spec.schedulingGroup",
    "spec.preemptionPolicy",
    "spec.enableServiceLinks",
    "spec.setHostnameAsFQDN",
  ]),
  ...rows("warn", ["spec.readinessGates"], "has no effect yet: they do not count for the condition Ready"),
  ...rows("warn", ["spec.subdomain"], "has no effect: there is no cluster DNS"),
  ...rows("warn", ["spec.schedulingGates"], "has no effect: the Pod starts at once"),
  ...rows("warn", ["spec.securityContext.fsGroupChangePolicy"], "has no effect yet: ownership is always set"),
  ...rows("warn", ["spec.securityContext.appArmorProfile"], "has no effect: AppArmor profiles are not applied"),
  ...rows(
    "warn",
    ["spec.securityContext.seLinuxOptions", "spec.securityContext.seLinuxChangePolicy"],
    "has no effect: SELinux labels are not applied",
  ),
  ...rows("warn", ["spec.securityContext.windowsOptions"], "has no effect on Linux"),
  {
    path: "spec.volumes[*].emptyDir.sizeLimit",
    effect: "warn",
    message: "is not enforced on disk yet; medium: Memory enforces it",
    when: {
      description: "the medium is the disk",
      test: (_value, { parent }) => (parent as { readonly medium?: string }).medium !== "Memory",
    },
  },
  {
    path: "spec.volumes[*].emptyDir.medium",
    effect: "refuse",
    message: "only the disk (leave it out) and Memory are supported yet",
    when: isNot("Memory"),
  },
  ...rows("refuse", ["spec.resources"], `resources of the Pod as a whole: ${NOT_YET}, or set them per container`),
  ...rows("refuse", ["spec.resourceClaims"], `dynamic resource allocation: ${NOT_YET}`),
  ...rows(
    "refuse",
    ["clusterTrustBundle", "podCertificate"].map((source) => `spec.volumes[*].projected.sources[*].${source}`),
    "there is no signer: configMap, secret, downwardAPI and serviceAccountToken are projected",
  ),
  ...rows(
    "refuse",
    ["spec.volumes[*].ephemeral"],
    `claims that are made with the Pod: ${NOT_YET}, and use persistentVolumeClaim or emptyDir`,
  ),
  ...rows("refuse", ["spec.hostnameOverride"], `${NOT_YET}, or use hostname`),
  { path: "spec.setHostnameAsFQDN", effect: "refuse", message: NOT_YET, when: is(true) },
  {
    path: "spec.hostUsers",
    effect: "refuse",
    message: "user namespaces are not supported yet; remove it",
    when: is(false),
  },
  { path: "spec.os.name", effect: "refuse", message: "this node runs Linux", when: isNot("linux") },
  ...rows(
    "refuse",
    OTHER_VOLUMES.map((type) => `spec.volumes[*].${type}`),
    "this volume type is not supported; emptyDir, hostPath, configMap, secret, downwardAPI, projected and persistentVolumeClaim are",
  ),
];
