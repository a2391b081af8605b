/** A run of the tests that is killed leaves a node with a Pod; the next run removes them before its own tests. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { expect, test } from "vitest";

import { instanceOf } from "../../src/host/instance.ts";
import { INVENTORY_KINDS, takeInventory } from "../audit.ts";
import { removeLeftBehind } from "../fixtures/place.ts";

const FIXTURES = resolve(import.meta.dirname, "../fixtures");
/** Prints the place, then dies as a test runner dies of a time limit. */
const RUN = `
import { freePort } from ${JSON.stringify(join(FIXTURES, "free-port.ts"))};
import { allRunning, BUSYBOX, startTestNode } from ${JSON.stringify(join(FIXTURES, "node.ts"))};
const node = await startTestNode();
const ports = [{ containerPort: 80, hostPort: await freePort() }];
await node.create("left", { containers: [{ name: "a", image: BUSYBOX, command: ["sleep", "1000"], ports }] });
await node.until("left", allRunning);
console.log(JSON.stringify({ instance: node.instance, root: node.root, state: node.state }));
process.kill(process.pid, "SIGKILL");
`;

test("what a killed run has left is removed: daemon, Pod, files", async () => {
  const printed = await new Promise<string>((done, fail) =>
    execFile(process.execPath, ["--input-type=module", "-e", RUN], (error, stdout, stderr) =>
      error?.signal === "SIGKILL" ? done(stdout) : fail(new Error(stderr, { cause: error })),
    ),
  );
  const place = JSON.parse(printed) as { instance: string; root: string; state: string };
  const instance = instanceOf(place);
  const left = await takeInventory({ instance });
  for (const kind of ["cgroup", "firewall", "link", "mount", "process"] as const) {
    expect(left.items[kind].size, kind).toBeGreaterThan(0);
  }
  await removeLeftBehind();
  const now = await takeInventory({ instance });
  expect(INVENTORY_KINDS.flatMap((kind) => [...now.items[kind].values()])).toEqual([]);
  expect(existsSync(dirname(place.state))).toBe(false);
});
