/** The Node object: this machine as Kubernetes describes one. Written at the start, and when the network's readiness is known. */
import { readFile, statfs } from "node:fs/promises";
import { arch, cpus, hostname, networkInterfaces, release, totalmem } from "node:os";

import type { Node, NodeCondition } from "../api/gen/types.ts";
import { rfc3339 } from "../base/clock.ts";
import type { Clock } from "../base/clock.ts";
import { newUid } from "../base/ids.ts";
import { KUBERNETES_VERSION, VERSION } from "../base/version.ts";
import type { Instance } from "../host/instance.ts";
import type { Store } from "../store/store.ts";

/** As the kubelet has it by default; the number is told, not enforced. */
const PODS_MAX = 110;

export interface NodeFacts {
  readonly capacity: Readonly<Record<string, string>>;
  readonly name: string;
  readonly instance: Instance;
}

/** Creates or updates the object. What has not changed is not written. */
export async function writeNodeObject(store: Store, clock: Clock, facts: NodeFacts): Promise<void> {
  const { capacity } = facts;
  const info = await systemInfo();
  const stored = store.get({ resource: "nodes", namespace: "", name: facts.name }) as Node | undefined;
  const labels = {
    "kubernetes.io/hostname": facts.name,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": info.architecture,
  };
  const node: Node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      uid: newUid(),
      creationTimestamp: rfc3339(clock.now()),
      ...stored?.metadata,
      name: facts.name,
      labels: { ...stored?.metadata.labels, ...labels },
    },
    spec: stored?.spec ?? {},
    status: {
      addresses: [
        ...internalAddresses(networkInterfaces(), facts.instance.bridge),
        { type: "Hostname", address: hostname() },
      ],
      capacity,
      allocatable: capacity,
      conditions: stored?.status?.conditions ?? conditions(clock, { ok: true }),
      daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
      nodeInfo: info,
    },
  };
  if (stored) store.update("nodes", node, "async");
  else store.create("nodes", node, "async");
}

/** Puts the network's readiness into the Ready condition. */
export function writeReadiness(
  store: Store,
  clock: Clock,
  name: string,
  network: { readonly ok: true } | { readonly ok: false; readonly message: string },
): void {
  const stored = store.get({ resource: "nodes", namespace: "", name }) as Node | undefined;
  if (!stored) return;
  const wanted = conditions(clock, network);
  const next = wanted.map((condition) => {
    const before = stored.status?.conditions?.find((each) => each.type === condition.type);
    return before?.status === condition.status && before.message === condition.message ? before : condition;
  });
  store.update("nodes", { ...stored, status: { ...stored.status, conditions: next } }, "async");
}

function conditions(clock: Clock, network: { readonly ok: boolean; readonly message?: string }): NodeCondition[] {
  const at = rfc3339(clock.now());
  const row = (type: string, status: string, reason: string, message: string): NodeCondition => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: at,
    lastTransitionTime: at,
  });
  return [
    row("MemoryPressure", "False", "KubeletHasSufficientMemory", "minke has sufficient memory available"),
    row("DiskPressure", "False", "KubeletHasNoDiskPressure", "minke has no disk pressure"),
    row("PIDPressure", "False", "KubeletHasSufficientPID", "minke has sufficient PID available"),
    network.ok
      ? row("Ready", "True", "KubeletReady", "minke is ready to run Pods")
      : row("Ready", "False", "KubeletNotReady", `network is not ready: ${network.message ?? ""}`),
  ];
}

/** What this machine has, by the name of the resource; `root` is on the disk that counts. */
export async function capacityOf(root: string): Promise<Readonly<Record<string, string>>> {
  const disk = await statfs(root);
  return {
    cpu: String(cpus().length),
    memory: `${Math.floor(totalmem() / 1024)}Ki`,
    "ephemeral-storage": `${Math.floor((disk.blocks * disk.bsize) / 1024)}Ki`,
    pods: String(PODS_MAX),
  };
}

async function systemInfo(): Promise<NonNullable<NonNullable<Node["status"]>["nodeInfo"]>> {
  const text = async (path: string): Promise<string> => (await readFile(path, "utf8").catch(() => "")).trim();
  const [machineID, bootID, systemUUID, osRelease] = await Promise.all([
    text("/etc/machine-id"),
    text("/proc/sys/kernel/random/boot_id"),
    text("/sys/class/dmi/id/product_uuid"),
    text("/etc/os-release"),
  ]);
  return {
    machineID,
    systemUUID,
    bootID,
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? "Linux",
    // With the scheme that container ids have.
    containerRuntimeVersion: `minke://${VERSION}`,
    kubeletVersion: KUBERNETES_VERSION,
    kubeProxyVersion: "",
    operatingSystem: "linux",
    architecture: arch() === "x64" ? "amd64" : arch(),
  };
}

/** The machine's own addresses, without those of Pod bridges; IPv4 first. */
export function internalAddresses(
  interfaces: ReturnType<typeof networkInterfaces>,
  bridge: string,
): { readonly type: string; readonly address: string }[] {
  const found = Object.entries(interfaces)
    .filter(([name]) => name !== bridge && !/^(mk|minke|veth|cni|docker|br-)/.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ internal, family, address }) => !internal && (family === "IPv4" || !address.startsWith("fe80")));
  const of = (family: string): string | undefined => found.find((each) => each.family === family)?.address;
  const picked = [of("IPv4"), of("IPv6")].filter((address) => address !== undefined);
  return (picked.length > 0 ? picked : ["127.0.0.1"]).map((address) => ({ type: "InternalIP", address }));
}
