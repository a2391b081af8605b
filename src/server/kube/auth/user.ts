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
const UNAUTHENTICATED = "system:unauthenticated";

/** Whoever can open the unix socket, which is root's alone. */
export const SOCKET_USER: User = { name: "system:admin", groups: [MASTERS, AUTHENTICATED] };

export const ANONYMOUS: User = { name: "system:anonymous", groups: [UNAUTHENTICATED] };

export function isMaster({ groups }: User): boolean {
  return groups.includes(MASTERS);
}
