/**
 * What the embedded network needs of the host's firewall, made once per node: a masquerade rule for what leaves the subnet,
 * and accept rules for the bridge, because Docker and others set the policy of FORWARD to DROP, and firewalls such as ufw
 * that of INPUT. All rules are in chains of the instance's own. iptables where it is, because only it can accept in the very
 * chain whose policy drops; else nft.
 */
import { MinkeError } from "../../base/errors.ts";
import type { Instance } from "../../host/instance.ts";
import type { Completed, ProcessHost } from "../../host/host.ts";

/** Seconds to wait for another program that changes the rules. */
const LOCK_SECONDS = "5";

/** What the rules are about. */
export interface PodNetwork {
  /** `10.112.0.0/16` */
  readonly subnet: string;
  readonly gateway: string;
  /** TCP port of the gateway's address that Pods may reach whatever the host's firewall says: the API. */
  readonly apiPort?: number;
}

export interface Firewall {
  /** Makes chains and rules. Idempotent: what is there is replaced. */
  ensure(network: PodNetwork): Promise<void>;
  /** Whether the built-in chains still lead to ours: what flushes a table, such as a reload of firewalld, takes that away. */
  intact(): Promise<boolean>;
  /** Removes chains and rules. No error when there are none. */
  remove(): Promise<void>;
}

interface Hook {
  readonly table: "nat" | "filter";
  readonly builtin: "POSTROUTING" | "FORWARD" | "INPUT";
  readonly chain: string;
}

/** The plugin portmap's own chains, which it makes for all its users and leaves behind. */
const PORTMAP_HOOKS: readonly {
  readonly builtin: string;
  readonly chain: string;
  readonly match: readonly string[];
}[] = [
  { builtin: "PREROUTING", chain: "CNI-HOSTPORT-DNAT", match: ["-m", "addrtype", "--dst-type", "LOCAL"] },
  { builtin: "OUTPUT", chain: "CNI-HOSTPORT-DNAT", match: ["-m", "addrtype", "--dst-type", "LOCAL"] },
  {
    builtin: "POSTROUTING",
    chain: "CNI-HOSTPORT-MASQ",
    match: ["-m", "comment", "--comment", "CNI portfwd requiring masquerade"],
  },
];

export function createFirewall(process: ProcessHost, instance: Instance): Firewall {
  const run = (argv: readonly [string, ...string[]], stdin = ""): Promise<Completed> => process.run({ argv, stdin });
  const iptables = (...args: string[]): Promise<Completed> => run(["iptables", "-w", LOCK_SECONDS, ...args]);
  const hooks: readonly Hook[] = [
    { table: "nat", builtin: "POSTROUTING", chain: `${instance.firewall}-POST` },
    { table: "filter", builtin: "FORWARD", chain: `${instance.firewall}-FWD` },
    { table: "filter", builtin: "INPUT", chain: `${instance.firewall}-IN` },
  ];
  const nftTable = instance.firewall.toLowerCase();

  return {
    ensure: async (network) => {
      const present = await jumpsPresent();
      if (!present) return await nft(nftRules(nftTable, network.subnet, instance.bridge));
      const jumps = hooks.map(({ builtin, chain }, i) => (present[i] ? "" : `-I ${builtin} 1 -j ${chain}\n`));
      const rules = iptablesRules(hooks, jumps, network, instance.bridge);
      const done = await run(["iptables-restore", "-w", LOCK_SECONDS, "--noflush"], rules);
      if (done.code !== 0) throw firewallError("iptables-restore", done);
    },
    intact: async () => {
      const present = await jumpsPresent();
      return present ? present.every(Boolean) : (await run(["nft", "list", "table", "ip", nftTable])).code === 0;
    },
    remove: async () => {
      for (const { table, builtin, chain } of hooks) {
        if ((await iptables("-t", table, "-D", builtin, "-j", chain)).code === 127) break;
        await iptables("-t", table, "-F", chain);
        await iptables("-t", table, "-X", chain);
      }
      await run(["nft", "delete", "table", "ip", nftTable]);
      await removeUnusedPortmapChains();
    },
  };

  /** For each hook whether the built-in chain leads to ours; undefined without iptables. */
  async function jumpsPresent(): Promise<readonly boolean[] | undefined> {
    const checks = await Promise.all(
      hooks.map(({ table, builtin, chain }) => iptables("-t", table, "-C", builtin, "-j", chain)),
    );
    return checks.some(({ code }) => code === 127) ? undefined : checks.map(({ code }) => code === 0);
  }

  async function nft(rules: string): Promise<void> {
    const done = await run(["nft", "-f", "-"], rules);
    if (done.code !== 0) throw firewallError("nft", done);
  }

  /** They belong to all networks: only an empty DNAT chain says that no one needs them. */
  async function removeUnusedPortmapChains(): Promise<void> {
    for (const program of ["iptables", "ip6tables"]) {
      const call = (...args: string[]): Promise<Completed> => run([program, "-w", LOCK_SECONDS, "-t", "nat", ...args]);
      const listed = await call("-S", "CNI-HOSTPORT-DNAT");
      if (listed.code !== 0 || /^-A /m.test(listed.stdout)) continue;
      for (const { builtin, chain, match } of PORTMAP_HOOKS) await call("-D", builtin, ...match, "-j", chain);
      for (const chain of ["CNI-HOSTPORT-DNAT", "CNI-HOSTPORT-MASQ", "CNI-HOSTPORT-SETMARK"]) {
        await call("-F", chain);
        await call("-X", chain);
      }
    }
  }
}

/** Input of iptables-restore --noflush: naming a chain empties it, so the rules are the same however often it runs. */
function iptablesRules(
  hooks: readonly Hook[],
  jumps: readonly string[],
  { subnet, gateway, apiPort }: PodNetwork,
  bridge: string,
): string {
  const rules: Record<Hook["builtin"], readonly string[]> = {
    // What the host says to itself keeps its address: by that the API knows Pods with the host's network.
    POSTROUTING: ["-o lo -j RETURN", `-s ${subnet} ! -o ${bridge} -j MASQUERADE`],
    // To the bridge only answers, and what a host port was translated for.
    FORWARD: [`-i ${bridge} -j ACCEPT`, `-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT`],
    INPUT: apiPort === undefined ? [] : [`-i ${bridge} -d ${gateway} -p tcp --dport ${apiPort} -j ACCEPT`],
  };
  return hooks
    .map(({ table, builtin, chain }, i) => {
      const body = rules[builtin].map((rule) => `-A ${chain} ${rule}\n`).join("");
      return `*${table}\n:${chain} - [0:0]\n${body}${jumps[i]}COMMIT\n`;
    })
    .join("");
}

/** One transaction: the table is made, removed, and made anew. */
function nftRules(table: string, subnet: string, bridge: string): string {
  return `table ip ${table}
delete table ip ${table}
table ip ${table} {
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    ip saddr ${subnet} oifname != { "lo", "${bridge}" } masquerade
  }
}
`;
}

function firewallError(program: string, completed: Completed): MinkeError {
  const why = completed.code === 127 ? "neither iptables nor nft is installed" : completed.stderr.trim();
  return new MinkeError(
    "FailedPrecondition",
    `Cannot set up the firewall rules of the Pod network: ${program}: ${why}; install iptables ` +
      "(Debian and Ubuntu: apt-get install iptables) and make sure that the kernel has nf_tables and nf_nat",
    { reason: "CreatePodSandboxError", details: { program, exitCode: completed.code, stderr: completed.stderr } },
  );
}
