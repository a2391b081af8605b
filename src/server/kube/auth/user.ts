/** Who sends a request. Kubernetes: staging/src/k8s.io/apiserver/pkg/authentication/user/user.go. */

export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The group that may do everything; no role can take that away. */
export const MASTERS = "system:masters";
export const AUTHENTICATED = "system:authenticated";
export const UNAUTHENTICATED = "system:unauthenticated";
/** In the extra of the user of a token that is bound to a Pod: the Pod's UID. */
export const POD_UID = "authentication.kubernetes.io/pod-uid";
/** All service accounts; those of one namespace have its name behind another colon. */
export const SERVICE_ACCOUNTS_GROUP = "system:serviceaccounts";

/** Whoever can open the unix socket, which is root's alone. */
export const SOCKET_USER: User = { name: "system:admin", groups: [MASTERS, AUTHENTICATED] };

export const ANONYMOUS: User = { name: "system:anonymous", groups: [UNAUTHENTICATED] };

export function isMaster({ groups }: User): boolean {
  return groups.includes(MASTERS);
}

/** `system:serviceaccount:NAMESPACE:NAME` */
export function serviceAccountUser(namespace: string, name: string): User {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: [SERVICE_ACCOUNTS_GROUP, `${SERVICE_ACCOUNTS_GROUP}:${namespace}`, AUTHENTICATED],
  };
}
