/** The tokens that are projected into Pods: of the Pod's service account, and void when the Pod is gone. */
import type { ServiceAccount } from "../api/gen/types.ts";
import { resourceNameOf, SERVICE_ACCOUNTS } from "../api/resources.ts";
import type { Clock } from "../base/clock.ts";
import { MinkeError } from "../base/errors.ts";
import type { ServiceAccountTokens } from "../server/kube/auth/service-account-tokens.ts";
import { POD_UID } from "../server/kube/auth/user.ts";
import type { Store } from "../store/store.ts";
import type { TokenSource } from "../volume/volume.ts";

/** The part of a token's life after which it is made anew. Kubernetes: pkg/kubelet/token/token_manager.go. */
const RENEW_AT = 0.8;
/** However long it lives, it is not older than this, milliseconds; from the same place. */
const AGE_MAX_MS = 24 * 3600 * 1000;

/**
 * Gives back the token that is there already while it is the one that was asked for, good, and not due: after a start of the
 * daemon too, since all that counts stands in the token. Rejects with `NotFound` while the account is not there; the engine
 * tries again.
 */
export function podTokens(tokens: ServiceAccountTokens, store: Pick<Store, "get">, clock: Clock): TokenSource {
  return async ({ pod, audiences, expirationSeconds, present }) => {
    const namespace = pod.metadata.namespace ?? "default";
    const name = pod.spec?.serviceAccountName || "default";
    const lifetimeMs = expirationSeconds * 1000;
    const renewalOf = (expiresMs: number): number =>
      expiresMs - lifetimeMs + Math.min(RENEW_AT * lifetimeMs, AGE_MAX_MS);

    const old = present === undefined ? undefined : tokens.authenticate(present, audiences);
    const isThePods = old?.user.extra?.[POD_UID]?.[0] === pod.metadata.uid;
    if (old && isThePods && old.expiresMs - old.issuedMs === lifetimeMs && renewalOf(old.expiresMs) > clock.now()) {
      return { token: present!, renewAtMs: renewalOf(old.expiresMs) };
    }

    const account = store.get({ resource: resourceNameOf(SERVICE_ACCOUNTS), namespace, name });
    if (!account) {
      throw new MinkeError(
        "NotFound",
        `Cannot make a token for service account ${namespace}/${name}: it is not there; create it`,
      );
    }
    const request = { account: account as ServiceAccount, audiences, lifetimeSeconds: expirationSeconds, boundTo: pod };
    const { token, expiresMs } = tokens.issue(request);
    return { token, renewAtMs: renewalOf(expiresMs) };
  };
}
