/**
 * The credentials that a Pod brings for its images: Secrets of types `kubernetes.io/dockerconfigjson` and
 * `kubernetes.io/dockercfg` that `imagePullSecrets` names. Kubernetes: pkg/credentialprovider/secrets/secrets.go,
 * pkg/kubelet/kubelet_pods.go (getPullSecretsForPod).
 */
import type { Pod, Secret } from "../api/gen/types.ts";
import { readDockerAuths } from "../base/docker-auths.ts";
import { isMinkeError } from "../base/errors.ts";
import type { RegistryAuth } from "../runtime/image.ts";
import type { Store } from "../store/store.ts";

/** Type of Secret → its key, and whether the map of registries has no field around it. */
const KINDS: Readonly<Record<string, { readonly key: string; readonly bare: boolean }>> = {
  "kubernetes.io/dockerconfigjson": { key: ".dockerconfigjson", bare: false },
  "kubernetes.io/dockercfg": { key: ".dockercfg", bare: true },
};

export interface PullSecrets {
  readonly auth: readonly RegistryAuth[];
  /** Names of Secrets that are not there or can not be read. */
  readonly missing: readonly string[];
}

/** What the Pod's Secrets hold now. A Secret of another type counts for nothing, as in the kubelet. */
export function pullSecretsOf(pod: Pod, store: Pick<Store, "get">): PullSecrets {
  const auth: RegistryAuth[] = [];
  const missing: string[] = [];
  const namespace = pod.metadata.namespace ?? "default";
  for (const { name = "" } of pod.spec?.imagePullSecrets ?? []) {
    const secret =
      name === "" ? undefined : (store.get({ resource: "secrets", namespace, name }) as Secret | undefined);
    const found = secret && authOf(secret);
    if (found) auth.push(...found);
    else if (name !== "") missing.push(name);
  }
  return { auth, missing };
}

function authOf(secret: Secret): readonly RegistryAuth[] | undefined {
  const kind = KINDS[secret.type ?? ""];
  if (!kind) return [];
  const text = Buffer.from(secret.data?.[kind.key] ?? "", "base64").toString("utf8");
  try {
    const entries = readDockerAuths(text, `Secret ${secret.metadata.name}`, { bare: kind.bare });
    const { uid = "", namespace = "", name = "" } = secret.metadata;
    return entries.map(({ place, auth }) => ({ ...auth, place, secret: { uid, namespace, name } }));
  } catch (error) {
    if (isMinkeError(error)) return undefined;
    throw error;
  }
}
