/** The example of the README: real nginx in front of real Ghost, built, imported and played as `npm start` does it. */
import { spawn } from "node:child_process";
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { expect, test } from "vitest";

import { buildImages } from "../../examples/nginx-ghost/build-images.ts";
import { exampleImages } from "../../examples/nginx-ghost/images.ts";
import { freePort } from "../fixtures/free-port.ts";
import { startTestNode } from "../fixtures/node.ts";
import { pidOf } from "../fixtures/pid.ts";

const root = resolve(import.meta.dirname, "../..");

test(
  "nginx-ghost: Ghost's page comes through nginx; the namespaces are shared as the manifest says",
  { timeout: 900_000 },
  async () => {
    const images = join(root, ".cache/images");
    await buildImages(images, (line) => console.log(line));
    await using node = await startTestNode();
    const port = await freePort();
    for (const image of exampleImages(images)) {
      const { code, stderr } = await node.minke(["image", "import", image.tar, image.name, ...image.importFlags]);
      expect(code, stderr).toBe(0);
    }
    // The port of the manifest may be in use on a developer's machine.
    const manifest = readFileSync(join(root, "examples/nginx-ghost/pod.yaml"), "utf8").replaceAll("8080", String(port));
    const file = join(node.scratch, "pod.yaml");
    writeFileSync(file, manifest);
    const place = ["--instance", node.instance, "--state", node.state];
    const play = spawn(join(root, "bin/minke"), ["play", file, ...place], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [play.stdout, play.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    const ended = new Promise<number | null>((done) => play.once("exit", done));

    const page = async (): Promise<string> => {
      for (let tries = 0; tries < 300; tries++) {
        const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
        if (response?.status === 200) return response.text();
        await pause(200);
      }
      throw new Error(`no page:\n${output}`);
    };
    const body = await page();
    expect(body).toContain("Ghost");
    expect(body.length).toBeGreaterThan(5_000);
    expect(output).toContain(`http://localhost:${port}`);
    expect(output).toMatch(/ghost.*Ghost/);

    const pod = await node.client.pods("default").get("nginx-ghost");
    const [nginx, ghost] = [await pidOf(node, pod, "nginx"), await pidOf(node, pod, "ghost")];
    const inode = (pid: number, kind: string): string => readlinkSync(`/proc/${pid}/ns/${kind}`);
    for (const kind of ["net", "ipc", "uts", "pid"]) expect(inode(nginx, kind), kind).toBe(inode(ghost, kind));
    expect(inode(nginx, "mnt")).not.toBe(inode(ghost, "mnt"));

    play.kill("SIGINT");
    expect(await ended).toBe(130);
    const { items } = await node.client.pods("default").list();
    expect(items).toEqual([]);
  },
);
