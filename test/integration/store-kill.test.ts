/** Kill -9 of the daemon in the middle of writes: what was acknowledged is there, versions only grow, watches go on. */
import { request } from "node:http";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { startTestNode, type TestNode } from "../fixtures/node.ts";

const KILLS = 50;
/** Writes under way at a time: well above 200 a second on any machine. */
const WRITERS = 8;
/** A round ends when this many of its writes were acknowledged. */
const WRITES_PER_ROUND = 40;

let node: TestNode;
beforeAll(async () => {
  node = await startTestNode();
});
afterAll(async () => node[Symbol.asyncDispose]());

interface Written {
  readonly name: string;
  readonly resourceVersion: number;
}

test("fifty times: no acknowledged write is lost, no version comes twice, a watch resumes or is told that it can not", async () => {
  const acknowledged = new Map<string, Written>();
  let highest = 0;
  let writes = 0;
  let ms = 0;
  for (let round = 0; round < KILLS; round++) {
    const startMs = performance.now();
    const written = await writeUntilKilled(round);
    ms += performance.now() - startMs;
    writes += written.length;
    for (const each of written) {
      // The counter only grows, over every restart.
      expect(each.resourceVersion, `round ${round}`).toBeGreaterThan(highest);
      acknowledged.set(each.name, each);
    }
    const before = highest;
    highest = Math.max(highest, ...written.map(({ resourceVersion }) => resourceVersion));
    await node.start();

    const { items, metadata } = await node.client.configMaps("default").list();
    const stored = new Map(items.map((item) => [item.metadata.name!, Number(item.metadata.resourceVersion)]));
    const lost = [...acknowledged.values()].filter(({ name, resourceVersion }) => stored.get(name) !== resourceVersion);
    expect(lost, `round ${round}`).toEqual([]);
    expect(Number(metadata.resourceVersion)).toBeGreaterThanOrEqual(highest);
    const seen = await watchFrom(
      before,
      written.map(({ name }) => name),
    );
    if (seen !== "Expired") expect(seen).toEqual(expect.arrayContaining(written.map(({ name }) => name)));
  }
  expect((writes / ms) * 1000).toBeGreaterThan(200);
}, 300_000);

/** Creates ConfigMaps from several writers at once and kills the daemon among them. Returns what was acknowledged, by version. */
async function writeUntilKilled(round: number): Promise<readonly Written[]> {
  const written: Written[] = [];
  let killed: Promise<void> | undefined;
  const write = async (writer: number): Promise<void> => {
    for (let i = 0; !killed; i++) {
      const name = `r${round}-${writer}-${i}`;
      try {
        const made = await node.client
          .configMaps("default")
          .create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { round: String(round) } });
        written.push({ name, resourceVersion: Number(made.metadata.resourceVersion) });
      } catch (error) {
        if (killed) return;
        throw error;
      }
      if (written.length >= WRITES_PER_ROUND) killed ??= node.stop("SIGKILL");
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  await killed;
  return written.toSorted((a, b) => a.resourceVersion - b.resourceVersion);
}

/** The names that a watch from this version is told of until all `wanted` were among them, or that the version is too old. */
function watchFrom(version: number, wanted: readonly string[]): Promise<readonly string[] | "Expired"> {
  const path = `/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=${version}&timeoutSeconds=20`;
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: join(node.state, "api.sock"), path, agent: false }, (response) => {
      const names: string[] = [];
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        const lines = text.split("\n");
        text = lines.pop()!;
        for (const line of lines) {
          const { type, object } = JSON.parse(line) as {
            type: string;
            object: { code?: number; metadata: { name: string } };
          };
          if (type === "ERROR") return finish(object.code === 410 ? "Expired" : names);
          if (object.metadata.name.startsWith("r")) names.push(object.metadata.name);
        }
        if (wanted.every((name) => names.includes(name))) finish(names);
      });
      response.on("end", () => finish(names));
      response.on("error", () => {});
    });
    const finish = (result: readonly string[] | "Expired"): void => {
      resolve(result);
      sent.destroy();
    };
    sent.on("error", reject);
    sent.end();
  });
}
