/**
 * Host ports: who has which. The plugin portmap does not ask whether a port is free, and its rule would take the port away
 * from whoever listens on it. So a port is refused when another sandbox of this node has it, when a process of the host
 * listens on it, or when a rule of another runtime translates it.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, isIPv6 } from "node:net";

import { errnoOf, MinkeError } from "../../base/errors.ts";
import type { ProcessHost } from "../../host/host.ts";
import type { HostPortMapping } from "./attachment.ts";

export interface HostPorts {
  /** Takes ports for a sandbox, in memory. Rejects with `FailedPrecondition` when another sandbox has one. */
  reserve(sandboxId: string, ports: readonly HostPortMapping[]): void;
  release(sandboxId: string): void;
  /** Rejects with `FailedPrecondition` when a port is in use on the host, outside this node. */
  probe(ports: readonly HostPortMapping[]): Promise<void>;
}

export function createHostPorts(process: ProcessHost): HostPorts {
  const held = new Map<string, readonly HostPortMapping[]>();
  return {
    reserve: (sandboxId, ports) => {
      for (const [other, theirs] of held) {
        const clash =
          other === sandboxId ? undefined : ports.find((port) => theirs.some((its) => conflicts(port, its)));
        if (clash) throw inUse(clash, `another Pod of this node has it (sandbox ${other.slice(0, 12)})`);
      }
      for (const [i, port] of ports.entries()) {
        if (ports.slice(i + 1).some((later) => conflicts(port, later))) throw inUse(port, "this Pod asks for it twice");
      }
      if (ports.length > 0) held.set(sandboxId, ports);
    },
    release: (sandboxId) => void held.delete(sandboxId),
    probe: async (ports) => {
      for (const port of ports) await bind(port);
      const rules = await process.run({ argv: ["iptables-save", "-t", "nat"] });
      const translated = parseTranslations(rules.stdout);
      for (const port of ports) {
        const rule = translated.find((its) => conflicts(port, its));
        if (rule) throw inUse(port, `a firewall rule of another Pod or runtime translates it (chain ${rule.chain})`);
      }
    },
  };
}

/** Same port and protocol, and the same address or one of them all addresses. Kubernetes: the scheduler's NodePorts. */
function conflicts(a: HostPortMapping, b: HostPortMapping): boolean {
  const everywhere = (ip: string): boolean => ip === "" || ip === "0.0.0.0" || ip === "::";
  return (
    a.hostPort === b.hostPort &&
    a.protocol === b.protocol &&
    (a.hostIp === b.hostIp || everywhere(a.hostIp) || everywhere(b.hostIp))
  );
}

/** Listens for a moment: the kernel knows best whether a port is free. SCTP sockets can not be opened from here. */
async function bind(mapping: HostPortMapping): Promise<void> {
  const host = mapping.hostIp || "0.0.0.0";
  const port = mapping.hostPort;
  try {
    if (mapping.protocol === "TCP") {
      const server = createServer();
      server.listen({ host, port, exclusive: true });
      await once(server, "listening");
      server.close();
      await once(server, "close");
    } else if (mapping.protocol === "UDP") {
      const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
      socket.bind({ address: host, port, exclusive: true });
      await once(socket, "listening");
      socket.close();
      await once(socket, "close");
    }
  } catch (error) {
    if (errnoOf(error) === "EADDRINUSE") throw inUse(mapping, "a process of the host listens on it", error);
    const why =
      errnoOf(error) === "EADDRNOTAVAIL" ? `no interface of this host has the address ${host}` : String(error);
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot publish host port ${name(mapping)}: ${why}; correct ports[].hostIP and hostPort of the Pod`,
      { reason: "CreatePodSandboxError", details: { ...mapping }, cause: error },
    );
  }
}

/** Every destination translation by port in the output of iptables-save, whoever made it. */
export function parseTranslations(rules: string): readonly (HostPortMapping & { readonly chain: string })[] {
  return rules.split("\n").flatMap((line) => {
    const chain = /^-A (\S+) /.exec(line)?.[1];
    const protocol = / -p (tcp|udp|sctp) /.exec(line)?.[1]?.toUpperCase();
    const port = / --dport (\d+) /.exec(line)?.[1];
    if (chain === undefined || protocol === undefined || port === undefined || !/ -j DNAT /.test(line)) return [];
    const hostIp = / -d ([0-9.]+)(?:\/32)? /.exec(line)?.[1] ?? "";
    return [
      { chain, protocol: protocol as HostPortMapping["protocol"], hostPort: Number(port), hostIp, containerPort: 0 },
    ];
  });
}

function inUse(mapping: HostPortMapping, why: string, cause?: unknown): MinkeError {
  return new MinkeError(
    "FailedPrecondition",
    `Cannot publish host port ${name(mapping)}: ${why}; stop what uses the port, or choose another hostPort`,
    { reason: "CreatePodSandboxError", details: { ...mapping }, cause },
  );
}

function name({ hostPort, protocol, hostIp }: HostPortMapping): string {
  return `${hostPort}/${protocol}${hostIp === "" ? "" : ` on ${hostIp}`}`;
}
