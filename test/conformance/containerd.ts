/**
 * Debian's containerd with a root, state, socket, network and configuration of its own, beside whatever the system runs.
 * It is what the harness is checked with (what fails there is not Minke's), and what Minke's speed is measured against.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";

import { endOf, onPath, outputOf, until } from "./program.ts";
import type { Subject, SubjectOptions } from "./subject.ts";

/** The network of its Pods. */
const SUBNET = "10.213.0.0/16";
const CNI_BIN_DIRS = ["/usr/lib/cni", "/opt/cni/bin"];

export async function startContainerd({ scratch, hosts }: SubjectOptions): Promise<Subject> {
  if (onPath("containerd") === undefined) {
    throw new Error("Cannot run containerd: it is not on the PATH; install the Debian package containerd");
  }
  const folder = join(scratch, "containerd");
  const bridge = `cd${createHash("sha256").update(folder).digest("hex").slice(0, 8)}`;
  mkdirSync(join(folder, "net.d"), { recursive: true });
  writeFileSync(join(folder, "net.d/10-conformance.conflist"), JSON.stringify(network(bridge, folder)));
  writeFileSync(join(folder, "config.toml"), configuration(folder, hosts));
  const child = spawn("containerd", ["--config", join(folder, "config.toml")], { stdio: ["ignore", "pipe", "pipe"] });
  const output = outputOf(child);
  const socket = join(folder, "containerd.sock");
  try {
    await until(async () => await answers(socket), "containerd", child, output);
  } catch (error) {
    await endOf(child);
    throw error;
  }
  const version = execFileSync("containerd", ["--version"], { encoding: "utf8" }).split(" ")[2]!.trim();
  const runc = execFileSync("runc", ["--version"], { encoding: "utf8" }).split("\n")[0]!;
  return {
    endpoint: `unix://${socket}`,
    version: `containerd ${version}, ${runc}`,
    async [Symbol.asyncDispose]() {
      // Its Pods outlive containerd, and hold mounts and network namespaces.
      if (onPath("crictl") !== undefined) {
        const remove = ["--runtime-endpoint", `unix://${socket}`, "--timeout", "60s", "rmp", "--force", "--all"];
        execFileSync("crictl", remove, { stdio: "ignore" });
      }
      await endOf(child);
      if (existsSync(`/sys/class/net/${bridge}`)) execFileSync("ip", ["link", "delete", bridge]);
    },
  };
}

async function answers(socket: string): Promise<boolean> {
  return await new Promise((done) => {
    const connection = createConnection(socket, () => {
      connection.destroy();
      done(true);
    });
    connection.once("error", () => done(false));
  });
}

function network(bridge: string, folder: string): unknown {
  const ipam = { type: "host-local", ranges: [[{ subnet: SUBNET }]], routes: [{ dst: "0.0.0.0/0" }] };
  return {
    cniVersion: "1.0.0",
    name: bridge,
    plugins: [
      { type: "bridge", bridge, isGateway: true, ipMasq: true, ipam: { ...ipam, dataDir: join(folder, "leases") } },
      { type: "portmap", capabilities: { portMappings: true }, snat: true },
    ],
  };
}

function configuration(folder: string, hosts: string): string {
  const cni = CNI_BIN_DIRS.find((path) => existsSync(join(path, "bridge"))) ?? CNI_BIN_DIRS[0]!;
  return `version = 2
root = "${folder}/root"
state = "${folder}/state"
# The system may not allow what containerd would like to have.
oom_score = 0
disabled_plugins = ["io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "${folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.k8s.io/pause:3.6"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cni}"
    conf_dir = "${folder}/net.d"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${hosts}"
`;
}
