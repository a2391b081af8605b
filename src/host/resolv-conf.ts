/** Which resolv.conf a Pod with a network of its own gets. */
import { readFile } from "node:fs/promises";

const RESOLV_CONF = "/etc/resolv.conf";
/** The servers behind systemd-resolved, whose own address (127.0.0.53) no Pod can reach. kubeadm sets the kubelet so too. */
const RESOLVED_CONF = "/run/systemd/resolve/resolv.conf";

/** {@link RESOLV_CONF}, unless every server in it is a loopback address and systemd-resolved tells better ones. */
export async function podResolvConf(files = { own: RESOLV_CONF, resolved: RESOLVED_CONF }): Promise<string> {
  const own = await serversIn(files.own);
  if (own.length === 0 || own.some((server) => !isLoopback(server))) return files.own;
  return (await serversIn(files.resolved)).length > 0 ? files.resolved : files.own;
}

async function serversIn(path: string): Promise<readonly string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map((match) => match[1]!);
}

function isLoopback(server: string): boolean {
  return server.startsWith("127.") || server === "::1";
}
