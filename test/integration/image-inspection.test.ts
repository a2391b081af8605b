/** What people ask about images at a real node: history, df and verify, as tables and as JSON. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import type { DiskUsage, HistoryStep, VerifiedImage } from "../../src/sdk/index.ts";
import { type TestNode, BUSYBOX, startTestNode } from "../fixtures/node.ts";

let node: TestNode;
beforeAll(async () => (node = await startTestNode()));
afterAll(async () => await node[Symbol.asyncDispose]());

async function json<T>(...args: readonly string[]): Promise<T> {
  const { stdout, stderr } = await node.minke(["image", ...args, "-o", "json"]);
  expect(stderr).toBe("");
  return JSON.parse(stdout) as T;
}

test("image history tells the steps, newest first, with the layers that they made", async () => {
  const text = "RUN a very long command that does so many things that no table has room for all of it";
  const folder = join(node.scratch, "layout");
  const archive = join(node.scratch, "told.tar");
  await node.minke(["image", "save", BUSYBOX, "-o", archive]);
  execFileSync("sh", ["-ec", `mkdir ${folder}; tar -xf ${archive} -C ${folder}`]);
  const blob = (digest: string): string => join(folder, "blobs/sha256", digest.replace("sha256:", ""));
  const put = (document: unknown): { digest: string; size: number } => {
    const data = JSON.stringify(document);
    const digest = createHash("sha256").update(data).digest("hex");
    writeFileSync(blob(digest), data);
    return { digest: `sha256:${digest}`, size: data.length };
  };
  const read = (path: string) => JSON.parse(readFileSync(path, "utf8"));
  const index = read(join(folder, "index.json"));
  const manifest = read(blob(index.manifests[0].digest));
  const history = [
    { created: "2024-05-06T07:08:09Z", created_by: text, comment: "first" },
    { created_by: "CMD sh", empty_layer: true },
  ];
  manifest.config = { ...manifest.config, ...put({ ...read(blob(manifest.config.digest)), history }) };
  const annotations = { "org.opencontainers.image.ref.name": "localhost/told:latest" };
  index.manifests = [{ ...index.manifests[0], ...put(manifest), annotations }];
  writeFileSync(join(folder, "index.json"), JSON.stringify(index));
  execFileSync("tar", ["-cf", archive, "-C", folder, "."]);
  expect(await node.minke(["image", "load", archive])).toMatchObject({ code: 0 });

  const [layer] = manifest.layers as { digest: string; size: number }[];
  expect(await json<HistoryStep[]>("history", "told")).toEqual([
    { createdMs: 0, createdBy: "CMD sh", comment: "", sizeBytes: 0 },
    {
      createdMs: Date.UTC(2024, 4, 6, 7, 8, 9),
      createdBy: text,
      comment: "first",
      sizeBytes: layer!.size,
      layer: layer!.digest,
    },
  ]);
  const { stdout } = await node.minke(["image", "history", "told"]);
  expect(stdout).toMatch(/^LAYER +AGE +CREATED BY +SIZE +COMMENT\n<none> +<unknown> +CMD sh +0B *\n[0-9a-f]{12} .*…/);
  expect((await node.minke(["image", "history", "--no-trunc", "told"])).stdout).toContain(text);
  expect(await node.minke(["image", "history", "absent"])).toMatchObject({ code: 1 });
  await node.minke(["image", "rm", "told"]);
});

test("image df counts what is there, and what no Pod needs", async () => {
  const idle = await json<DiskUsage>("df");
  expect(idle.images).toEqual({ total: 1, active: 0 });
  const blobs = readdirSync(join(node.root, "images/blobs/sha256"));
  const bytes = blobs.reduce((sum, name) => sum + statSync(join(node.root, "images/blobs/sha256", name)).size, 0);
  expect(idle.rows[0]).toEqual({
    type: "blobs",
    total: blobs.length,
    active: 0,
    sizeBytes: bytes,
    reclaimableBytes: bytes,
  });
  await node.create("web", { containers: [{ name: "c", image: BUSYBOX, command: ["sleep", "600"] }] });
  await node.until("web", ({ status }) => status?.phase === "Running");
  const used = await json<DiskUsage>("df");
  expect(used.images).toEqual({ total: 1, active: 1 });
  expect(used.rows.map(({ reclaimableBytes }) => reclaimableBytes)).toEqual([0, 0, 0]);
  expect((await node.minke(["image", "df"])).stdout).toMatch(/^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nImages +1 +1 /);
  await node.remove("web", 0);
});

test("image verify finds a flipped bit, and what is missing", async () => {
  expect(await node.minke(["image", "verify"])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/busybox:latest +ok/),
  });
  const folder = join(node.root, "images/blobs/sha256");
  const [layer] = readdirSync(folder).sort((a, b) => statSync(join(folder, b)).size - statSync(join(folder, a)).size);
  const path = join(folder, layer!);
  const good = readFileSync(path);
  const bad = Buffer.from(good);
  bad[good.length >> 1]! ^= 1;
  writeFileSync(path, bad);
  const damaged = await node.minke(["image", "verify", BUSYBOX]);
  expect(damaged).toMatchObject({ code: 1, stdout: expect.stringContaining(`blob sha256:${layer} is damaged`) });
  rmSync(path);
  const [missing] = await json<VerifiedImage[]>("verify");
  expect(missing).toMatchObject({ names: [BUSYBOX], problems: [`blob sha256:${layer} is missing`] });
  writeFileSync(path, good);
  expect(await node.minke(["image", "verify"])).toMatchObject({ code: 0 });
  expect(await node.minke(["image", "verify", "absent"])).toMatchObject({ code: 1 });
});
