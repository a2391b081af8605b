/**
 * The variables by which programs in a Pod find the API (`rest.InClusterConfig` and its like), as every container has them,
 * whatever `enableServiceLinks` says. Kubernetes: pkg/kubelet/envvars/envvars.go of the Service `kubernetes`, whose one port
 * is called `https`.
 */

/** Where Pods reach the API. */
export interface ApiServer {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
}

export function serviceEnvironment({ host, port }: ApiServer): readonly (readonly [string, string])[] {
  const address = host.includes(":") ? `[${host}]` : host;
  const url = `tcp://${address}:${port}`;
  const link = `KUBERNETES_PORT_${port}_TCP`;
  return [
    ["KUBERNETES_SERVICE_HOST", host],
    ["KUBERNETES_SERVICE_PORT", String(port)],
    ["KUBERNETES_SERVICE_PORT_HTTPS", String(port)],
    ["KUBERNETES_PORT", url],
    [link, url],
    [`${link}_PROTO`, "tcp"],
    [`${link}_PORT`, String(port)],
    [`${link}_ADDR`, host],
  ];
}
