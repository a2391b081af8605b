/**
 * The Pod's resolv.conf. There is no cluster DNS on one machine, so `ClusterFirst` means what `Default` means: the host's.
 * Pure. Kubernetes: pkg/kubelet/network/dns/dns.go.
 */
import type { Pod } from "../api/gen/types.ts";
import type { DnsConfig } from "../runtime/runtime.ts";

/**
 * undefined when the host's file serves as it is, and never with `always`. `hostResolvConf` gives the text of the file that
 * the Pod's is made from.
 */
export function dnsOf(
  pod: Pod,
  hostResolvConf: () => string,
  { always }: { readonly always: boolean } = { always: false },
): DnsConfig | undefined {
  const none = pod.spec?.dnsPolicy === "None";
  const config = pod.spec?.dnsConfig;
  if (!none && !config && !always) return undefined;
  const base = none ? { servers: [], searches: [], options: [] } : parseResolvConf(hostResolvConf());
  const own = (config?.options ?? []).map(({ name = "", value }) => (value === undefined ? name : `${name}:${value}`));
  const ownNames = new Set(own.map(optionName));
  return {
    servers: unique([...base.servers, ...(config?.nameservers ?? [])]),
    searches: unique([...base.searches, ...(config?.searches ?? [])]),
    options: [...base.options.filter((option) => !ownNames.has(optionName(option))), ...own],
  };
}

function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === "nameserver" && values[0]) servers.push(values[0]);
    else if (keyword === "search" || keyword === "domain") searches = values;
    else if (keyword === "options") options = values;
  }
  return { servers, searches, options };
}

function optionName(option: string): string {
  return option.split(":")[0] ?? option;
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
