/** The tokens that are projected into Pods: of the Pod's service account, and void when the Pod is gone. */
import type { ServiceAccount } from "../api/gen/types.ts";
import { resourceNameOf, SERVICE_ACCOUNTS } from "../api/resources.ts";
import { MinkeError } from "../base/errors.ts";
import type { ServiceAccountTokens } from "../server/kube/auth/service-account-tokens.ts";
import type { Store } from "../store/store.ts";
import type { TokenSource } from "../volume/volume.ts";

/** The part of a token's life after which it should be made anew. Kubernetes: pkg/kubelet/token/token_manager.go. */
const RENEW_AT = 0.8;

/** Rejects with `NotFound` while the account is not there; the engine tries again. */
export function podTokens(tokens: ServiceAccountTokens, store: Pick<Store, "get">): TokenSource {
  return async ({ pod, audiences, expirationSeconds }) => {
    const namespace = pod.metadata.namespace ?? "default";
    const name = pod.spec?.serviceAccountName || "default";
    const account = store.get({ resource: resourceNameOf(SERVICE_ACCOUNTS), namespace, name });
    if (!account) {
      throw new MinkeError(
        "NotFound",
        `Cannot make a token for service account ${namespace}/${name}: it is not there; create it`,
      );
    }
    const request = { account: account as ServiceAccount, audiences, lifetimeSeconds: expirationSeconds, boundTo: pod };
    const { token, expiresMs } = tokens.issue(request);
    return { token, renewAtMs: expiresMs - (1 - RENEW_AT) * expirationSeconds * 1000 };
  };
}
