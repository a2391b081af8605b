/**
 * Gives a new Pod its service account: the account has to be there, its pull secrets come along, and so does a volume with
 * what a container needs to speak to the API. Kubernetes: plugin/pkg/admission/serviceaccount.
 */
import type { Container, Pod, PodSpec, ServiceAccount, Volume, VolumeMount } from "../../../api/gen/types.ts";
import { PODS, resourceNameOf, SERVICE_ACCOUNTS } from "../../../api/resources.ts";
import { forbiddenBecause } from "../../../api/status.ts";
import { nameSuffix } from "../../../base/ids.ts";
import type { KubeServerOptions } from "../context.ts";

const VOLUME_PREFIX = "kube-api-access-";
const MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
/** Seconds that a token lives: an hour, and a bit by which Kubernetes tells tokens that nobody asked for. */
const TOKEN_LIFETIME_S = 3607;
/** Holds the certificate by which the API is known, in every namespace. */
export const ROOT_CA = "kube-root-ca.crt";

export function withServiceAccount(pod: Pod, node: KubeServerOptions): Pod {
  if (!pod.spec) return pod;
  const name = pod.spec.serviceAccountName || "default";
  const account = accountOf(pod, name, node);
  const spec = { ...pod.spec, serviceAccountName: name, serviceAccount: name, ...pullSecrets(pod.spec, account) };
  const automount = node.issuesTokens && shouldAutomount(spec, account);
  return { ...pod, spec: automount ? withToken(spec) : spec };
}

function accountOf(pod: Pod, name: string, { store }: KubeServerOptions): ServiceAccount {
  const { namespace = "" } = pod.metadata;
  const account = store.get({ resource: resourceNameOf(SERVICE_ACCOUNTS), namespace, name });
  if (account) return account as ServiceAccount;
  const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
  throw forbiddenBecause(PODS, pod.metadata.name ?? "", why);
}

function pullSecrets(spec: PodSpec, account: ServiceAccount): Pick<PodSpec, "imagePullSecrets"> {
  const own = spec.imagePullSecrets ?? [];
  const given = account.imagePullSecrets ?? [];
  return own.length > 0 || given.length === 0 ? {} : { imagePullSecrets: given };
}

function shouldAutomount(spec: PodSpec, account: ServiceAccount): boolean {
  return spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
}

/** A container that has something at the path already keeps it. */
function withToken(spec: PodSpec): PodSpec {
  const volumes = spec.volumes ?? [];
  const present = volumes.find((volume) => volume.name.startsWith(VOLUME_PREFIX))?.name;
  const name = present ?? VOLUME_PREFIX + nameSuffix();
  let needed = false;
  const mounted = (container: Container): Container => {
    const mounts = container.volumeMounts ?? [];
    if (mounts.some(({ mountPath }) => mountPath === MOUNT_PATH)) return container;
    needed = true;
    const mount: VolumeMount = { name, readOnly: true, mountPath: MOUNT_PATH };
    return { ...container, volumeMounts: [...mounts, mount] };
  };
  const containers = spec.containers.map(mounted);
  const initContainers = spec.initContainers?.map(mounted);
  const added = needed && present === undefined ? [...volumes, tokenVolume(name)] : volumes;
  return {
    ...spec,
    containers,
    ...(initContainers && { initContainers }),
    ...(added.length > 0 && { volumes: added }),
  };
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_LIFETIME_S, path: "token" } },
        { configMap: { name: ROOT_CA, items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
    },
  };
}
