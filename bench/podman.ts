/** podman kube play, where podman is installed. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { COMMAND, type Figures, type Subject } from "./figures.ts";
import { installed, memoryKb, pidsOf, run, timed, until } from "./process.ts";

const IMAGE = "localhost/minke-bench:latest";
/** Podman needs minutes for a hundred Pods; twenty tell its rate. */
const BURST_MAX = 20;

export async function podman({ image, rounds, burst, log }: Subject): Promise<Figures | undefined> {
  if (!installed("podman")) return undefined;
  const scratch = mkdtempSync(join(tmpdir(), "minke-podman-"));
  const figures: Figures = { startMs: [], stopMs: [], crashMs: [], execMs: [] };
  const file = join(scratch, "pod.yaml");
  const out = join(scratch, "out");
  mkdirSync(out);
  if (!mayRaiseLimits()) configureWithoutLimits(scratch, log);
  await run("podman", ["import", image.tar, IMAGE]);
  const write = (name: string): void => writeFileSync(file, JSON.stringify(manifest(name, out)));
  try {
    for (let round = 0; round <= rounds; round++) {
      write("bench");
      const start = await timed(async () => run("podman", ["kube", "play", "--network", "podman", file]));
      if (round === 1) {
        for (let i = 0; i < rounds; i++)
          figures.execMs!.push(await timed(async () => run("podman", ["exec", "bench-a", "/bin/true"])));
        figures.crashMs!.push(...(await crashes(out, Math.min(rounds, 5))));
        figures.podMemoryMb = pidsOf("conmon").reduce((sum, pid) => sum + memoryKb(pid, "Pss"), 0) / 1024;
      }
      const stop = await timed(async () => run("podman", ["kube", "down", file]));
      if (round > 0) {
        figures.startMs.push(start);
        figures.stopMs!.push(stop);
      }
    }
    log(`${rounds} rounds done`);
    const count = Math.min(burst, BURST_MAX);
    const files = Array.from({ length: count }, (_, i) => {
      const path = join(scratch, `pod${i}.yaml`);
      writeFileSync(path, JSON.stringify(manifest(`bench${i}`, out)));
      return path;
    });
    const ms = await timed(async () =>
      Promise.all(
        files.map(async (path) => run("podman", ["kube", "play", "--network", "podman", path], { ok: true })),
      ),
    );
    const up = (await run("podman", ["ps", "--filter", "name=bench", "--format", "{{.Names}}"]))
      .split("\n")
      .filter((name) => /-[ab]$/.test(name)).length;
    figures.burstPerSecond = up / 2 / (ms / 1000);
    log(`burst of ${count}: ${up} of ${2 * count} containers up`);
    for (const path of files) await run("podman", ["kube", "down", path], { ok: true });
  } finally {
    await run("podman", ["pod", "rm", "-f", "bench"], { ok: true });
    await run("podman", ["rmi", "-f", IMAGE], { ok: true });
    rmSync(scratch, { recursive: true, force: true });
  }
  return figures;
}

/** Whether this process has CAP_SYS_RESOURCE (bit 24). */
function mayRaiseLimits(): boolean {
  const effective = /^CapEff:\s+([0-9a-f]+)/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!;
  return ((BigInt(`0x${effective}`) >> 24n) & 1n) === 1n;
}

/** Podman raises rlimits to the kernel's maximum, which fails without CAP_SYS_RESOURCE; a wrapper of crun drops them (2 ms). */
function configureWithoutLimits(scratch: string, log: Subject["log"]): void {
  const wrapper = join(scratch, "crun");
  const script = `#!/bin/sh
for a; do
  case $b in
    --bundle) f=$a/config.json ;;
    --process) f=$a ;;
    *) f= ;;
  esac
  [ -n "$f" ] && [ -f "$f" ] && sed -i 's/,"rlimits":\\[[^]]*\\]//' "$f"
  b=$a
done
exec /usr/bin/crun "$@"
`;
  writeFileSync(wrapper, script, { mode: 0o755 });
  writeFileSync(
    join(scratch, "containers.conf"),
    `[engine]\nruntime = "crun"\n[engine.runtimes]\ncrun = ["${wrapper}"]\n`,
  );
  process.env["CONTAINERS_CONF"] = join(scratch, "containers.conf");
  log("no CAP_SYS_RESOURCE here: crun is wrapped to leave rlimits alone");
}

async function crashes(out: string, count: number): Promise<number[]> {
  const times: number[] = [];
  const lines = (): number => readFileSync(join(out, "a"), "utf8").length;
  for (let i = 0; i < count; i++) {
    const before = lines();
    const pid = Number(await run("podman", ["inspect", "--format", "{{.State.Pid}}", "bench-a"]));
    times.push(
      await timed(async () => {
        process.kill(pid, "SIGKILL");
        await until(() => lines() > before, "podman's restart");
      }),
    );
  }
  return times;
}

function manifest(name: string, out: string): unknown {
  const container = (suffix: string): unknown => ({
    name: suffix,
    image: IMAGE,
    imagePullPolicy: "Never",
    command: COMMAND,
    env: [{ name: "NAME", value: suffix }],
    volumeMounts: [{ name: "out", mountPath: "/out" }],
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      restartPolicy: "Always",
      containers: [container("a"), container("b")],
      volumes: [{ name: "out", hostPath: { path: out } }],
    },
  };
}
