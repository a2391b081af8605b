/** Calls that come twice, at once, or are given up half way, as a kubelet's do: one effect, nothing left, the next succeeds. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { sleep, systemClock } from "../../src/base/clock.ts";
import { isMinkeError } from "../../src/base/errors.ts";
import { scaled } from "../fixtures/emulated.ts";
import {
  containerConfig,
  eventually,
  KUBELET_CONTAINER,
  kubeletSandbox,
  testRuntime,
  type TestRuntime,
} from "../fixtures/runtime.ts";

let t: TestRuntime;
beforeEach(async () => void (t = await testRuntime()));
afterEach(async () => await t[Symbol.asyncDispose]());

const CONTAINER = containerConfig(["sleep", "1000"], KUBELET_CONTAINER);

/** The one result, and the codes of the failures of the others. */
async function atOnce<T>(
  call: () => Promise<T>,
): Promise<{ readonly done: readonly T[]; readonly codes: readonly string[] }> {
  const results = await Promise.allSettled(Array.from({ length: 5 }, call));
  return {
    done: results.filter((result) => result.status === "fulfilled").map(({ value }) => value),
    codes: results.flatMap((result) =>
      result.status === "rejected" && isMinkeError(result.reason) ? [result.reason.code] : [],
    ),
  };
}

/** What of containers and sandboxes lies in the instance's folders. */
function left(): readonly string[] {
  const { root, state } = t.instance;
  const folders = [join(root, "sandboxes"), join(root, "containers")];
  const volatile = ["ns", "containers", "sandboxes", "crun", "exits"].map((name) => join(state, name));
  return [...folders, ...volatile].flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
}

test("five at once have one effect", async () => {
  const refused = Array.from({ length: 4 }, () => "AlreadyExists");
  const sandboxes = await atOnce(() => t.runtime.runSandbox(kubeletSandbox(t.base)));
  expect(sandboxes).toMatchObject({ done: [{ state: "ready" }], codes: refused });
  const sandbox = sandboxes.done[0]!;
  const containers = await atOnce(() => t.runtime.createContainer(sandbox.id, CONTAINER));
  expect(containers).toMatchObject({ done: [{ state: { phase: "created" } }], codes: refused });
  const { id } = containers.done[0]!;
  const starts = await atOnce(() => t.runtime.startContainer(id));
  expect(starts.done).toHaveLength(1);
  expect(new Set(starts.codes)).toEqual(new Set(["FailedPrecondition"]));
  for (const call of [
    () => t.runtime.stopContainer(id, 20),
    () => t.runtime.removeContainer(id),
    () => t.runtime.stopSandbox(sandbox.id),
    () => t.runtime.removeSandbox(sandbox.id),
  ]) {
    expect((await atOnce(call)).codes).toEqual([]);
  }
  expect(left()).toEqual([]);
});

describe("a call that is given up leaves nothing, and the same call then succeeds", () => {
  const MOMENTS_MS = [0, 1, 3, 8, 15, 25, 40, 80].map((ms) => scaled(ms, 10 * ms));

  test("runSandbox", async () => {
    for (const ms of MOMENTS_MS) {
      const abort = new AbortController();
      const running = t.runtime.runSandbox(kubeletSandbox(t.base), abort.signal).catch(() => undefined);
      await sleep(systemClock, ms);
      abort.abort();
      const done = await running;
      if (done) await t.runtime.removeSandbox(done.id);
      expect(left(), `after ${ms} ms`).toEqual([]);
    }
    const { id } = await t.runtime.runSandbox(kubeletSandbox(t.base));
    await t.runtime.removeSandbox(id);
  });

  test("createContainer", async () => {
    const sandbox = await t.runtime.runSandbox(kubeletSandbox(t.base));
    for (const ms of MOMENTS_MS) {
      const abort = new AbortController();
      const creating = t.runtime.createContainer(sandbox.id, CONTAINER, abort.signal).catch(() => undefined);
      await sleep(systemClock, ms);
      abort.abort();
      const done = await creating;
      if (done) await t.runtime.removeContainer(done.id);
      expect(await t.runtime.containers()).toEqual([]);
      await eventually(() => readdirSync(join(t.instance.root, "containers")).length === 0 || undefined);
    }
    const { id } = await t.runtime.createContainer(sandbox.id, CONTAINER);
    expect((await t.runtime.startContainer(id)).state.phase).toBe("running");
    await t.runtime.removeSandbox(sandbox.id);
    expect(left()).toEqual([]);
  });
});
