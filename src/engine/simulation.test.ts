/**
 * Pods live through crashes, deletes, restarts of the daemon and of the machine at moments that a seed decides. Whatever
 * happens, nothing runs twice, and once it is quiet the machine holds what the store asks for and nothing else.
 */
import { describe, expect, test } from "vitest";

import { EngineWorld } from "../../test/fixtures/engine-world.ts";

const PODS = 4;
const STEPS = 60;
/** Long enough for the longest back-off and grace period. */
const QUIET_MS = 700_000;

/** A small generator of numbers in 0 … 1 (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function chaos(world: EngineWorld, next: () => number): Promise<void> {
  let serial = 0;
  for (let step = 0; step < STEPS; step++) {
    const dice = next();
    const name = `p${Math.floor(next() * serial)}`;
    if (serial < PODS || dice < 0.1) {
      const policy = ["Always", "OnFailure", "Never"][Math.floor(next() * 3)]!;
      world.createPod(`p${serial++}`, {
        restartPolicy: policy,
        initContainers: next() < 0.5 ? [{ name: "init", image: "app:1" }] : [],
        containers: [
          { name: "web", image: "app:1" },
          { name: "side", image: next() < 0.2 ? "gone:1" : "app:2" },
        ],
      });
    } else if (dice < 0.2) world.deletePod(name, 1 + Math.floor(next() * 40));
    else if (dice < 0.25) world.deletePod(name, 0);
    else if (dice < 0.45) world.runtime.crash("web", Math.floor(next() * 2));
    else if (dice < 0.6) await world.restart();
    else if (dice < 0.65) {
      world.runtime.reboot();
      await world.restart();
    }
    // A part of a call's latency, so that everything is met in the middle of something.
    world.clock.advance(Math.floor(next() * 30));
    if (next() < 0.7) await world.settle();
    if (next() < 0.2) await world.advance(next() * 20_000);
  }
}

async function leftovers(world: EngineWorld): Promise<readonly string[]> {
  const uids = new Set(world.store.list("pods").items.map((pod) => pod.metadata.uid));
  const sandboxes = (await world.runtime.sandboxes()).map((sandbox) => sandbox.config.metadata.uid);
  const containers = (await world.runtime.containers()).map((each) => each.config.labels["io.kubernetes.pod.uid"]);
  return [...sandboxes, ...containers, ...world.held].filter((uid): uid is string => !uids.has(uid));
}

describe("simulation", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("seed %i", async (seed) => {
    const next = random(seed);
    await using world = await EngineWorld.create({
      readTurns: () => Math.floor(next() * 4),
      latencyMs: () => Math.floor(next() * 20),
      script: (name) => {
        if (name === "init") return { runMs: next() * 500, exitCode: next() < 0.3 ? 1 : 0 };
        const dice = next();
        if (dice < 0.1) return { failsToStart: true };
        if (dice < 0.3) return { runMs: next() * 30_000, exitCode: next() < 0.5 ? 1 : 0 };
        return { stubborn: dice > 0.8 };
      },
    });
    await world.engine.start();
    await chaos(world, next);
    world.present.add("gone:1");
    await world.advance(QUIET_MS);

    expect(world.runtime.violations).toEqual([]);
    expect(await leftovers(world)).toEqual([]);
    for (const pod of world.store.list("pods").items) {
      expect(pod.metadata.deletionTimestamp).toBeUndefined();
      const { phase } = pod["status"] as { phase: string };
      const sandboxes = await world.runtime.sandboxes({ podUid: pod.metadata.uid! });
      const ready = sandboxes.filter((sandbox) => sandbox.state === "ready");
      expect({ name: pod.metadata.name, phase, ready: ready.length }).toEqual({
        name: pod.metadata.name,
        phase,
        ready: phase === "Running" ? 1 : 0,
      });
      expect(["Running", "Succeeded", "Failed"]).toContain(phase);
    }

    for (const pod of world.store.list("pods").items) world.deletePod(pod.metadata.name!, 1);
    await world.advance(30_000);
    expect(world.store.list("pods").items).toEqual([]);
    expect(await leftovers(world)).toEqual([]);
    expect(world.clock.nextDue() ?? Infinity).toBeGreaterThan(world.clock.now());
  });
});
