/** The node as a whole, in this process: start, lock, restart, reset. Pods have their own tests. */
import { existsSync, readdirSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { resetInstance } from "../../src/daemon/reset.ts";
import { startNode } from "../../src/daemon/start-node.ts";
import { auditLeaks, takeInventory } from "../audit.ts";
import { makePlace } from "../fixtures/place.ts";

let scratch: string;
let options: { instance: string; root: string; state: string };
let before: Awaited<ReturnType<typeof takeInventory>>;

beforeEach(async () => {
  const { scratch: folder, instance } = makePlace();
  scratch = folder;
  options = { instance: instance.name, root: instance.root, state: instance.state };
  before = await takeInventory({ instance });
});
afterEach(async () => {
  await resetInstance(options);
  await rm(scratch, { recursive: true });
  await auditLeaks(before);
});

async function get(socket: string, path: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: socket, path, agent: false }, (response) => {
      let text = "";
      response.on("data", (data) => (text += String(data)));
      response.on("end", () => resolve(JSON.parse(text) as Record<string, unknown>));
    });
    sent.on("error", reject);
    sent.end();
  });
}

describe("a node", () => {
  test("serves when it has started: its Node object and facts about itself", async () => {
    await using node = await startNode({ ...options, nodeName: "node-a" });
    expect(await get(node.apiSocket, "/api/v1/nodes/node-a")).toMatchObject({
      kind: "Node",
      status: {
        capacity: { cpu: expect.stringMatching(/^\d+$/), memory: expect.stringMatching(/^\d+Ki$/), pods: "110" },
        nodeInfo: { operatingSystem: "linux" },
      },
    });
    expect(await get(node.apiSocket, "/apis/node.minke.dev/v1alpha1/info")).toMatchObject({
      instance: options.instance,
      root: options.root,
      crun: expect.stringMatching(/\d/),
      conmon: expect.stringMatching(/\d/),
      network: { kind: "embedded", ready: true },
    });
  });

  test("a second one of the same instance is refused, and the first is not harmed", async () => {
    await using node = await startNode(options);
    await expect(startNode(options)).rejects.toThrow(`process ${process.pid} already runs it`);
    await expect(resetInstance(options)).rejects.toThrow(/stop it first/);
    expect(await get(node.apiSocket, "/version")).toMatchObject({ major: "1" });
  });

  test("what is stored is there after a restart", async () => {
    const first = await startNode(options);
    const uid = (await get(first.apiSocket, "/api/v1/namespaces/default"))["metadata"];
    await first[Symbol.asyncDispose]();
    expect(existsSync(first.apiSocket)).toBe(false);
    await using second = await startNode(options);
    expect((await get(second.apiSocket, "/api/v1/namespaces/default"))["metadata"]).toEqual(uid);
  });

  test("what the host lacks is named with its remedy", async () => {
    await expect(startNode({ ...options, crun: "/nowhere/crun" })).rejects.toThrow(
      /Cannot start a node on this host: .*crun.*see "minke doctor"/s,
    );
  });
});

describe("reset", () => {
  test("removes the instance's files and no others, corrupt checkpoints included", async () => {
    await (await startNode(options))[Symbol.asyncDispose]();
    await writeFile(join(options.root, "mine.txt"), "not minke's");
    await mkdir(join(options.root, "sandboxes"), { recursive: true });
    await writeFile(join(options.root, "sandboxes", `${"a".repeat(64)}.json`), "{ torn");
    await resetInstance(options);
    expect(readdirSync(options.root)).toEqual(["mine.txt"]);
    expect(existsSync(options.state)).toBe(false);
  });

  test("of an instance that never was", async () => {
    await expect(resetInstance(options)).resolves.toBeUndefined();
    expect([options.root, options.state].filter((folder) => existsSync(folder))).toEqual([]);
  });
});
