/**
 * Tokens of service accounts: made for an audience, for a time, and bound to an object, with whose end they end. Nothing
 * of them is stored. Kubernetes: pkg/serviceaccount/claims.go.
 */
import type { KeyObject } from "node:crypto";

import type { ServiceAccount } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { NODES, PODS, type Resource, resourceNameOf, SECRETS, SERVICE_ACCOUNTS } from "../../../api/resources.ts";
import type { Clock } from "../../../base/clock.ts";
import { newUid } from "../../../base/ids.ts";
import type { Store } from "../../../store/store.ts";
import { type Claims, JwtKey } from "./jwt.ts";
import { POD_UID, serviceAccountUser, type User } from "./user.ts";

/** As in every cluster; it is also the audience of the API itself. */
export const ISSUER = "https://kubernetes.default.svc.cluster.local";
/** A Pod that is being deleted may still use its token for this long after its grace. */
const DELETED_LEEWAY_MS = 60_000;

/** Objects that a token can be bound to, by the name of their claim. */
const BINDABLE: Readonly<Record<string, Resource>> = { pod: PODS, secret: SECRETS, node: NODES };

export interface TokenRequest {
  readonly account: ServiceAccount;
  /** Empty: the API. */
  readonly audiences: readonly string[];
  readonly lifetimeSeconds: number;
  /** A Pod, a Secret or a Node; the token dies with it. */
  readonly boundTo?: KubeObject;
}

export interface IssuedToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresMs: number;
}

export interface TokenIdentity {
  readonly user: User;
  /** Of those that were asked for, the ones that the token is for. */
  readonly audiences: readonly string[];
  /** Both milliseconds since the epoch. */
  readonly issuedMs: number;
  readonly expiresMs: number;
}

export interface ServiceAccountTokensOptions {
  readonly key: KeyObject;
  readonly store: Pick<Store, "get">;
  readonly clock: Clock;
}

export class ServiceAccountTokens {
  readonly #key: JwtKey;
  readonly #store: Pick<Store, "get">;
  readonly #clock: Clock;

  constructor({ key, store, clock }: ServiceAccountTokensOptions) {
    this.#key = new JwtKey(key);
    this.#store = store;
    this.#clock = clock;
  }

  issue({ account, audiences, lifetimeSeconds, boundTo }: TokenRequest): IssuedToken {
    const nowS = Math.floor(this.#clock.now() / 1000);
    const { name = "", namespace = "" } = account.metadata;
    const bound = boundTo && { [boundTo.kind.toLowerCase()]: referenceTo(boundTo) };
    const token = this.#key.sign({
      aud: audiences.length === 0 ? [ISSUER] : audiences,
      exp: nowS + lifetimeSeconds,
      iat: nowS,
      iss: ISSUER,
      jti: newUid(),
      "kubernetes.io": { namespace, ...this.#nodeOf(boundTo), ...bound, serviceaccount: referenceTo(account) },
      nbf: nowS,
      sub: serviceAccountUser(namespace, name).name,
    });
    return { token, expiresMs: (nowS + lifetimeSeconds) * 1000 };
  }

  /**
   * Whose token it is; undefined when it is not ours, not for one of `audiences` (empty: the API), not valid now, or when
   * its account or what it is bound to is gone.
   */
  authenticate(token: string, audiences: readonly string[] = []): TokenIdentity | undefined {
    const claims = this.#key.verify(token);
    if (!claims || !isCurrent(claims, this.#clock.now()) || claims["iss"] !== ISSUER) return undefined;
    const own = claims["aud"] as readonly string[];
    const common = (audiences.length === 0 ? [ISSUER] : audiences).filter((audience) => own.includes(audience));
    if (common.length === 0) return undefined;
    const about = claims["kubernetes.io"] as AccountClaims;
    if (!this.#isThere(SERVICE_ACCOUNTS, about.namespace, about.serviceaccount)) return undefined;
    for (const [claim, resource] of Object.entries(BINDABLE)) {
      const reference = about[claim as "pod"];
      // A Pod's node is told for information; it does not end before the Pod.
      if (!reference || (claim === "node" && about.pod)) continue;
      if (!this.#isThere(resource, resource.namespaced ? about.namespace : "", reference)) return undefined;
    }
    const [issuedMs, expiresMs] = [(claims["iat"] as number) * 1000, (claims["exp"] as number) * 1000];
    return { user: userOf(claims, about), audiences: common, issuedMs, expiresMs };
  }

  /** The public half, for others who check such tokens. */
  jwks(): unknown {
    return this.#key.jwks();
  }

  #isThere(resource: Resource, namespace: string, { name, uid }: Reference): boolean {
    const object = this.#store.get({ resource: resourceNameOf(resource), namespace, name });
    if (!object || object.metadata.uid !== uid) return false;
    const { deletionTimestamp } = object.metadata;
    if (deletionTimestamp === undefined || resource === SERVICE_ACCOUNTS) return true;
    return Date.parse(deletionTimestamp) + DELETED_LEEWAY_MS > this.#clock.now();
  }

  /** The node of the Pod that a token is bound to. */
  #nodeOf(boundTo: KubeObject | undefined): { readonly node?: Reference } {
    const { nodeName } = (boundTo?.kind === "Pod" ? boundTo["spec"] : {}) as { readonly nodeName?: string };
    if (nodeName === undefined) return {};
    const node = this.#store.get({ resource: resourceNameOf(NODES), namespace: "", name: nodeName });
    return node ? { node: referenceTo(node) } : {};
  }
}

interface Reference {
  readonly name: string;
  readonly uid: string;
}

interface AccountClaims {
  readonly namespace: string;
  readonly serviceaccount: Reference;
  readonly pod?: Reference;
  readonly node?: Reference;
  readonly secret?: Reference;
}

function referenceTo({ metadata }: KubeObject): Reference {
  return { name: metadata.name ?? "", uid: metadata.uid ?? "" };
}

function isCurrent({ exp, nbf }: Claims, nowMs: number): boolean {
  return (exp as number) * 1000 > nowMs && (nbf as number) * 1000 <= nowMs;
}

function userOf({ jti }: Claims, { namespace, serviceaccount, pod, node }: AccountClaims): User {
  const prefix = "authentication.kubernetes.io";
  const extra = {
    [`${prefix}/credential-id`]: [`JTI=${jti as string}`],
    ...(pod ? { [`${prefix}/pod-name`]: [pod.name], [POD_UID]: [pod.uid] } : {}),
    ...(node ? { [`${prefix}/node-name`]: [node.name], [`${prefix}/node-uid`]: [node.uid] } : {}),
  };
  return { ...serviceAccountUser(namespace, serviceaccount.name), uid: serviceaccount.uid, extra };
}
