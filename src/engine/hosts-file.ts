/** The /etc/hosts that the engine keeps for a Pod. Pure. Kubernetes: pkg/kubelet/kubelet_pods.go, ensureHostsFile. */
import type { Pod } from "../api/gen/types.ts";
import { hostnameOf } from "./translate.ts";

const HEADER = "# Kubernetes-managed hosts file.\n";
const HEADER_HOST_NETWORK = "# Kubernetes-managed hosts file (host network).\n";
const CLUSTER_DOMAIN = "cluster.local";

/** Content for a Pod with addresses `ips`; with the host's network, the host's own file and the aliases. */
export function hostsFile(pod: Pod, ips: readonly string[], hostFile: () => string): string {
  const base = pod.spec?.hostNetwork ? HEADER_HOST_NETWORK + hostFile() : managed(pod, ips);
  return base + aliases(pod);
}

function managed(pod: Pod, ips: readonly string[]): string {
  const host = hostnameOf(pod);
  const { subdomain } = pod.spec ?? {};
  const full = subdomain ? `${host}.${subdomain}.${pod.metadata.namespace ?? ""}.svc.${CLUSTER_DOMAIN}\t` : "";
  return [
    HEADER,
    "127.0.0.1\tlocalhost\n",
    "::1\tlocalhost ip6-localhost ip6-loopback\n",
    "fe00::0\tip6-localnet\n",
    "fe00::0\tip6-mcastprefix\n",
    "fe00::1\tip6-allnodes\n",
    "fe00::2\tip6-allrouters\n",
    ...ips.map((ip) => `${ip}\t${full}${host}\n`),
  ].join("");
}

function aliases(pod: Pod): string {
  const entries = pod.spec?.hostAliases ?? [];
  if (entries.length === 0) return "";
  const lines = entries.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join("\t")}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join("")}`;
}
