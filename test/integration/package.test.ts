/** The packed npm tarball, as a user installs it: compiled JavaScript that runs from below node_modules. */
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { auditLeaks, takeInventory } from "../audit.ts";
import { makePlace } from "../fixtures/place.ts";

const root = resolve(import.meta.dirname, "../..");
const { scratch: home, instance, args: place } = makePlace();
const node = resolve(root, "node_modules/.bin/node");
const run = (program: string, args: readonly string[], cwd = home): string =>
  execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

describe("the npm tarball", () => {
  beforeAll(() => {
    run("npm", ["pack", "--silent", "--pack-destination", home], root);
    const tarball = readdirSync(home).find((name) => name.endsWith(".tgz"))!;
    writeFileSync(join(home, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
    run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error", join(home, tarball)]);
  }, 180_000);
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  test("the installed CLI runs", () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    expect(run(node, ["node_modules/minke/dist/bin/minke.js", "version", "--client"])).toContain(version);
  });

  test("the package exports connect and startNode, and a node it starts answers", async () => {
    const before = await takeInventory({ instance });
    writeFileSync(
      join(home, "user.js"),
      `import { connect, startNode } from "minke";
await using node = await startNode(${JSON.stringify({ instance: instance.name, root: instance.root, state: instance.state })});
using client = await connect({ socket: node.apiSocket });
console.log(JSON.stringify(await client.pods("default").list()));
`,
    );
    expect(JSON.parse(run(node, ["user.js"]))).toMatchObject({ items: [] });
    run(node, ["node_modules/minke/dist/bin/minke.js", "reset", "--yes", ...place]);
    await auditLeaks(before);
  });

  test("it contains no TypeScript source and no test", () => {
    const files = readdirSync(join(home, "node_modules/minke"), { recursive: true }) as string[];
    expect(files.filter((file) => /(?<!\.d)\.ts$|\.test\./.test(file))).toEqual([]);
  });
});
