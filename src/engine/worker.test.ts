import { describe, expect, test } from "vitest";

import type { KubeObject } from "../api/object.ts";
import { EngineWorld } from "../../test/fixtures/engine-world.ts";

const conditions = (world: EngineWorld, name: string): Record<string, string> =>
  Object.fromEntries((world.pod(name)?.status?.conditions ?? []).map(({ type, status }) => [type, status]));

describe("a Pod's life", () => {
  test("runs, tells so, and leaves nothing behind", async () => {
    await using world = await EngineWorld.create();
    await world.engine.start();
    world.createPod("a", {
      containers: [
        { name: "web", image: "app:1" },
        { name: "side", image: "app:2" },
      ],
    });
    await world.advance(100);
    const status = world.pod("a")!.status!;
    expect(status.phase).toBe("Running");
    expect(status.podIP).toBe("10.0.0.1");
    expect(status.containerStatuses?.map(({ name, ready, restartCount }) => [name, ready, restartCount])).toEqual([
      ["side", true, 0],
      ["web", true, 0],
    ]);
    expect(conditions(world, "a")).toEqual({
      PodReadyToStartContainers: "True",
      Initialized: "True",
      Ready: "True",
      ContainersReady: "True",
      PodScheduled: "True",
    });
    world.deletePod("a");
    await world.advance(100);
    expect(world.pod("a")).toBeUndefined();
    expect(await world.runtime.sandboxes()).toEqual([]);
    expect(await world.runtime.containers()).toEqual([]);
    expect([...world.held]).toEqual([]);
    expect(world.events("a")).toContain("Killing: Stopping container web");
  });

  test("rests: no timer is set while nothing can happen", async () => {
    await using world = await EngineWorld.create();
    await world.engine.start();
    world.createPod("a");
    await world.advance(1000);
    const calls = world.runtime.calls.length;
    expect(world.clock.nextDue()).toBeUndefined();
    await world.advance(3_000);
    expect(world.runtime.calls.length).toBe(calls);
  });

  describe("what volumes show", () => {
    const volumes = [{ name: "v", projected: { sources: [{ configMap: { name: "shown" } }] } }];
    const configMap = (name: string): { readonly [key: string]: unknown } & KubeObject => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "default", uid: `uid-${name}` },
    });

    test("is refreshed when it grows old, and at once after a start of the daemon; nothing restarts for it", async () => {
      await using world = await EngineWorld.create();
      world.volumeLifeMs = 480_000;
      await world.engine.start();
      world.createPod("a", { volumes });
      await world.advance(1000);
      expect(world.refreshed).toEqual([]);
      const due = world.clock.nextDue()!;
      await world.advance(due - world.clock.now() - 1);
      expect(world.refreshed).toEqual([]);
      await world.advance(1);
      expect(world.refreshed).toEqual(["a"]);
      expect(world.clock.nextDue()).toBe(world.clock.now() + world.volumeLifeMs);
      await world.restart();
      expect(world.refreshed).toEqual(["a", "a"]);
      expect(world.pod("a")!.status!.containerStatuses![0]!.restartCount).toBe(0);
    });

    test("follows its ConfigMap, and the Pod's own labels where they are shown", async () => {
      await using world = await EngineWorld.create();
      await world.engine.start();
      for (const name of ["shown", "other"]) world.store.create("configmaps", configMap(name));
      world.createPod("a", { volumes });
      world.createPod("b", { volumes: [{ name: "v", downwardAPI: { items: [] } }] });
      await world.advance(1000);
      for (const name of ["shown", "other"])
        world.store.update("configmaps", { ...configMap(name), data: { k: name } });
      await world.settle();
      expect(world.refreshed).toEqual(["a"]);
      for (const name of ["a", "b"]) {
        const pod = world.pod(name)!;
        world.store.update("pods", { ...pod, metadata: { ...pod.metadata, labels: { k: "v" } } });
      }
      await world.settle();
      expect(world.refreshed).toEqual(["a", "b"]);
      world.store.delete({ resource: "configmaps", namespace: "default", name: "shown" });
      await world.advance(1000);
      expect(world.refreshed).toEqual(["a", "b"]);
      expect(world.clock.nextDue()).toBeUndefined();
    });

    test("stays as it is while it can not be refreshed, which is told and tried again", async () => {
      await using world = await EngineWorld.create();
      await world.engine.start();
      world.store.create("configmaps", configMap("shown"));
      world.createPod("a", { volumes });
      await world.advance(1000);
      world.refreshError = "configmap key is gone";
      world.store.update("configmaps", { ...configMap("shown"), data: { k: "v" } });
      await world.advance(100);
      expect(world.events("a")).toContain("FailedMount: configmap key is gone");
      expect(world.pod("a")!.status!.phase).toBe("Running");
      world.refreshError = undefined;
      await world.advance(1000);
      expect(world.refreshed).toEqual(["a", "a"]);
      expect(world.clock.nextDue()).toBeUndefined();
    });
  });

  test("init containers run in order, each to its end", async () => {
    await using world = await EngineWorld.create({
      script: (name, attempt) => {
        if (name === "one") return { runMs: 1000, exitCode: attempt === 0 ? 1 : 0 };
        return name === "two" ? { runMs: 1000 } : {};
      },
    });
    await world.engine.start();
    world.createPod("a", {
      initContainers: [
        { name: "one", image: "app:1" },
        { name: "two", image: "app:1" },
      ],
    });
    await world.advance(500);
    expect(world.pod("a")!.status!.containerStatuses![0]!.state).toEqual({ waiting: { reason: "PodInitializing" } });
    await world.advance(5_000);
    const runs = world.runtime.calls.filter((call) => call.startsWith("runContainer"));
    expect(runs).toEqual(["runContainer one 0", "runContainer one 1", "runContainer two 0", "runContainer web 0"]);
    expect(world.pod("a")!.status!.phase).toBe("Running");
  });

  test.each([
    { policy: "Never", exitCode: 0, phase: "Succeeded", restarts: 0 },
    { policy: "Never", exitCode: 3, phase: "Failed", restarts: 0 },
    { policy: "OnFailure", exitCode: 0, phase: "Succeeded", restarts: 0 },
  ])("$policy with exit code $exitCode ends as $phase", async ({ policy, exitCode, phase, restarts }) => {
    await using world = await EngineWorld.create({ script: () => ({ runMs: 1000, exitCode }) });
    await world.engine.start();
    world.createPod("a", { restartPolicy: policy });
    await world.advance(60_000);
    const { status } = world.pod("a")!;
    expect(status!.phase).toBe(phase);
    expect(status!.containerStatuses![0]!.state!.terminated).toMatchObject({
      exitCode,
      reason: exitCode === 0 ? "Completed" : "Error",
    });
    expect(status!.containerStatuses![0]!.restartCount).toBe(restarts);
    expect(conditions(world, "a")["PodReadyToStartContainers"]).toBe("False");
    // The record stays for `logs`, the network and the volumes go.
    expect(await world.runtime.containers()).toHaveLength(1);
    expect([...world.held]).toEqual([]);
  });
});

describe("restarts", () => {
  test("the first at once, then 10 s, 20 s …", async () => {
    await using world = await EngineWorld.create({ script: () => ({ runMs: 0, exitCode: 1 }) });
    await world.engine.start();
    const starts = new Map<number, number>();
    const begin = world.clock.now();
    world.createPod("a");
    for (let second = 0; second < 75; second++) {
      await world.advance(1000);
      const count = world.runtime.calls.filter((call) => call.startsWith("runContainer")).length;
      if (!starts.has(count)) starts.set(count, (world.clock.now() - begin) / 1000);
    }
    expect([...starts]).toEqual([
      [2, 1],
      [3, 11],
      [4, 31],
      [5, 71],
    ]);
    const [web] = world.pod("a")!.status!.containerStatuses!;
    expect(web!.state!.waiting).toMatchObject({
      reason: "CrashLoopBackOff",
      message: expect.stringMatching(/^back-off 1m20s restarting failed container=web pod=a_default\(uid-a-1\)$/),
    });
    expect(web!.lastState!.terminated!.exitCode).toBe(1);
    expect(web!.restartCount).toBe(4);
    expect(world.events("a")).toContain("BackOff: Back-off restarting failed container web in pod a_default(uid-a-1)");
    // One dead container is kept.
    expect(await world.runtime.containers()).toHaveLength(1);
  });

  test("a restart under way is not told as held up", async () => {
    await using world = await EngineWorld.create({
      latencyMs: () => 50,
      script: (_name, attempt) => (attempt === 0 ? { runMs: 1000, exitCode: 1 } : {}),
    });
    await world.engine.start();
    world.createPod("a");
    for (let step = 0; step < 200; step++) await world.advance(10);
    expect(world.pod("a")!.status!.containerStatuses![0]).toMatchObject({ restartCount: 1, state: { running: {} } });
    expect(world.events("a").filter((event) => event.startsWith("BackOff"))).toEqual([]);
  });

  test("a command that can not be executed is told as RunContainerError, then CrashLoopBackOff", async () => {
    await using world = await EngineWorld.create({ script: () => ({ failsToStart: true }) });
    await world.engine.start();
    world.createPod("a");
    await world.advance(500);
    const [web] = world.pod("a")!.status!.containerStatuses!;
    expect(web!.state!.waiting!.reason).toBe("RunContainerError");
    expect(web!.lastState!.terminated).toMatchObject({ exitCode: 128, reason: "StartError" });
    await world.advance(5000);
    expect(world.pod("a")!.status!.containerStatuses![0]!.state!.waiting!.reason).toBe("CrashLoopBackOff");
  });

  test("a new image replaces the container whatever the policy", async () => {
    await using world = await EngineWorld.create();
    await world.engine.start();
    const pod = world.createPod("a", { restartPolicy: "Never" });
    await world.advance(100);
    const latest = world.pod("a")!;
    world.store.update("pods", { ...latest, spec: { ...pod.spec!, containers: [{ name: "web", image: "app:2" }] } });
    await world.advance(100);
    const [web] = world.pod("a")!.status!.containerStatuses!;
    expect(web).toMatchObject({ restartCount: 1, imageID: "sha256:app:2", state: { running: {} } });
    expect(world.events("a")).toContain("Killing: Container web definition changed, will be restarted");
  });
});

describe("a replacement that a crash of the daemon cuts in two", () => {
  async function stoppedForNewImage(world: EngineWorld): Promise<void> {
    await world.engine.start();
    const pod = world.createPod("a", { restartPolicy: "Never" });
    await world.advance(100);
    world.present.delete("app:2");
    const latest = world.pod("a")!;
    world.store.update("pods", { ...latest, spec: { ...pod.spec!, containers: [{ name: "web", image: "app:2" }] } });
    await world.advance(100);
    expect((await world.runtime.containers()).map(({ state }) => state.phase)).toEqual(["exited"]);
    await world.restart();
  }

  test("is completed, though the Pod's policy is Never", async () => {
    await using world = await EngineWorld.create();
    await stoppedForNewImage(world);
    expect(world.pod("a")!.status!.phase).toBe("Running");
    world.present.add("app:2");
    await world.advance(20_000);
    const [web] = world.pod("a")!.status!.containerStatuses!;
    expect(web).toMatchObject({ restartCount: 1, imageID: "sha256:app:2", state: { running: {} } });
  });

  test("and its note counts for that one container only", async () => {
    await using world = await EngineWorld.create();
    await stoppedForNewImage(world);
    world.present.add("app:2");
    await world.advance(20_000);
    await world.restart();
    world.runtime.crash("web", 0);
    await world.advance(1000);
    expect(world.pod("a")!.status!.phase).toBe("Succeeded");
  });
});

describe("what holds a start up", () => {
  test("an image that can not be had: ErrImagePull, then ImagePullBackOff, then it runs", async () => {
    await using world = await EngineWorld.create();
    await world.engine.start();
    world.createPod("a", { containers: [{ name: "web", image: "gone:1" }] });
    await world.advance(500);
    const waiting = () => world.pod("a")!.status!.containerStatuses![0]!.state!.waiting;
    expect(waiting()).toEqual({ reason: "ErrImagePull", message: "no image gone:1" });
    await world.advance(5000);
    expect(waiting()!.reason).toBe("ImagePullBackOff");
    world.present.add("gone:1");
    await world.advance(10_000);
    expect(world.pod("a")!.status!.phase).toBe("Running");
  });

  test("a missing ConfigMap: CreateContainerConfigError, and a start as soon as it is there", async () => {
    await using world = await EngineWorld.create();
    await world.engine.start();
    world.createPod("a", {
      containers: [{ name: "web", image: "app:1", envFrom: [{ configMapRef: { name: "x" } }] }],
    });
    await world.advance(500);
    expect(world.pod("a")!.status!.containerStatuses![0]!.state!.waiting).toEqual({
      reason: "CreateContainerConfigError",
      message: 'configmap "x" not found',
    });
    const metadata = { name: "x", namespace: "default", uid: "x" };
    world.store.create("configmaps", { apiVersion: "v1", kind: "ConfigMap", metadata, data: { A: "1" } });
    await world.settle();
    await world.advance(50);
    expect(world.pod("a")!.status!.phase).toBe("Running");
  });
});

describe("ends", () => {
  test("activeDeadlineSeconds", async () => {
    await using world = await EngineWorld.create();
    await world.engine.start();
    world.createPod("a", { activeDeadlineSeconds: 5 });
    await world.advance(7000);
    expect(world.pod("a")!.status).toMatchObject({
      phase: "Failed",
      reason: "DeadlineExceeded",
      message: "Pod was active on the node longer than the specified deadline",
    });
    expect((await world.runtime.containers())[0]!.state.phase).toBe("exited");
  });

  test("a shorter grace period takes effect while a container is being stopped", async () => {
    await using world = await EngineWorld.create({ script: () => ({ stubborn: true }) });
    await world.engine.start();
    world.createPod("a");
    await world.advance(100);
    world.deletePod("a", 100);
    await world.advance(5000);
    expect(world.pod("a")!.status!.phase).toBe("Running");
    world.deletePod("a", 5);
    await world.advance(4000);
    expect(world.pod("a")).toBeDefined();
    await world.advance(2000);
    expect(world.pod("a")).toBeUndefined();
    expect(await world.runtime.sandboxes()).toEqual([]);
  });

  test("a Pod deleted by force is taken away though the store has forgotten it", async () => {
    await using world = await EngineWorld.create({ script: () => ({ stubborn: true }) });
    await world.engine.start();
    world.createPod("a");
    await world.advance(100);
    world.deletePod("a", 0);
    await world.advance(3000);
    expect(await world.runtime.containers()).toEqual([]);
    expect([...world.held]).toEqual([]);
  });

  test("orphans of an earlier life are taken away at the start", async () => {
    await using world = await EngineWorld.create();
    await world.engine.start();
    world.createPod("a");
    await world.advance(100);
    await world.engine.stop();
    world.deletePod("a", 0);
    await world.restart();
    await world.advance(3000);
    expect(await world.runtime.sandboxes()).toEqual([]);
  });
});

describe("restart of daemon and machine", () => {
  test("what ran is adopted, and exits that nobody saw are counted", async () => {
    await using world = await EngineWorld.create();
    await world.engine.start();
    world.createPod("a");
    world.createPod("b", { containers: [{ name: "other", image: "app:1" }] });
    await world.advance(100);
    await world.engine.stop();
    world.runtime.crash("web", 7);
    await world.restart();
    await world.advance(100);
    expect(world.runtime.calls.filter((call) => call.startsWith("runContainer other"))).toHaveLength(1);
    const [web] = world.pod("a")!.status!.containerStatuses!;
    expect(web).toMatchObject({ restartCount: 1, state: { running: {} }, lastState: { terminated: { exitCode: 7 } } });
  });

  test.each([
    { policy: "Always", phase: "Running", restartCount: 1 },
    { policy: "OnFailure", phase: "Running", restartCount: 1 },
    { policy: "Never", phase: "Failed", restartCount: 0 },
  ])("after a reboot $policy is $phase", async ({ policy, phase, restartCount }) => {
    await using world = await EngineWorld.create();
    await world.engine.start();
    world.createPod("a", { restartPolicy: policy });
    await world.advance(100);
    await world.engine.stop();
    world.runtime.reboot();
    await world.restart();
    await world.advance(1000);
    const { status } = world.pod("a")!;
    expect(status!.phase).toBe(phase);
    expect(status!.containerStatuses![0]!.restartCount).toBe(restartCount);
    const last = status!.containerStatuses![0]!;
    expect((last.state!.terminated ?? last.lastState!.terminated)!).toMatchObject({ exitCode: 255, reason: "Unknown" });
  });

  test("a Never Pod that a reboot meets before its last container ran is over, and says which never did", async () => {
    await using world = await EngineWorld.create();
    await world.engine.start();
    world.createPod("a", {
      restartPolicy: "Never",
      containers: [
        { name: "web", image: "app:1" },
        { name: "late", image: "gone:1" },
      ],
    });
    await world.advance(100);
    expect(world.pod("a")!.status!.phase).toBe("Pending");
    world.runtime.reboot();
    await world.restart();
    await world.advance(1000);
    const { phase, containerStatuses } = world.pod("a")!.status!;
    expect(phase).toBe("Failed");
    expect(containerStatuses!.map(({ name, state }) => [name, state?.terminated?.reason])).toEqual([
      ["late", "ContainerStatusUnknown"],
      ["web", "Unknown"],
    ]);
    const calls = world.runtime.calls.length;
    await world.advance(60_000);
    expect(world.runtime.calls.slice(calls)).toEqual([]);
    expect([...world.held]).toEqual([]);
  });

  test("a Never Pod of which nothing ran before the reboot runs after it", async () => {
    await using world = await EngineWorld.create();
    await world.engine.start();
    world.createPod("a", { restartPolicy: "Never", containers: [{ name: "web", image: "gone:1" }] });
    await world.advance(100);
    world.runtime.reboot();
    world.present.add("gone:1");
    await world.restart();
    await world.advance(1000);
    expect(world.pod("a")!.status).toMatchObject({ phase: "Running", containerStatuses: [{ restartCount: 0 }] });
  });

  test("back-off goes on where it was", async () => {
    await using world = await EngineWorld.create({ script: () => ({ runMs: 1000, exitCode: 1 }) });
    await world.engine.start();
    world.createPod("a");
    const restarts = (): number => world.pod("a")?.status?.containerStatuses?.[0]?.restartCount ?? 0;
    while (restarts() < 3) await world.advance(1000); // after 0, 10 and 20 s
    await world.restart();
    await world.advance(2000);
    expect(world.pod("a")!.status!.containerStatuses![0]!.state!.waiting!.message).toMatch(/^back-off 40s /);
    await world.advance(36_000);
    expect(restarts()).toBe(3);
    await world.advance(4000);
    expect(restarts()).toBe(4);
  });

  test("many Pods come back a few at a time", async () => {
    await using world = await EngineWorld.create({ latencyMs: () => 10 });
    for (let i = 0; i < 100; i++) world.createPod(`p${i}`);
    void world.engine.start();
    for (let step = 0; step < 40; step++) await world.advance(10);
    expect(world.runtime.calls.filter((call) => call.startsWith("runContainer"))).toHaveLength(100);
    expect(world.runtime.busiest).toBe(16);
    world.runtime.busiest = 0;
    for (const pod of world.store.list("pods").items) world.deletePod(pod.metadata.name!, 0);
    for (let step = 0; step < 60; step++) await world.advance(100);
    expect(await world.runtime.sandboxes()).toEqual([]);
  });

  test("a daemon that ends does not wait for a long grace period, and the next one keeps it", async () => {
    await using world = await EngineWorld.create({ script: () => ({ stubborn: true }) });
    await world.engine.start();
    world.createPod("a", { terminationGracePeriodSeconds: 3600 });
    await world.advance(100);
    world.deletePod("a", 3600);
    await world.advance(100);
    let stopped = false;
    void world.engine.stop().then(() => (stopped = true));
    await world.advance(11_000);
    expect(stopped).toBe(true);
    await world.restart();
    await world.advance(3_500_000);
    expect(world.pod("a")).toBeDefined();
    await world.advance(100_000);
    expect(world.pod("a")).toBeUndefined();
  }, 30_000);

  test("a container without a record goes on counting", async () => {
    await using world = await EngineWorld.create();
    await world.engine.start();
    world.createPod("a");
    await world.advance(100);
    await world.engine.stop();
    world.runtime.lose("web");
    world.runtime.reboot();
    await world.restart();
    await world.advance(1000);
    const [web] = world.pod("a")!.status!.containerStatuses!;
    expect(web).toMatchObject({ restartCount: 1, state: { running: {} } });
  });
});
