/** A container that writes much more than one log file holds: rotated, compressed, and not a line lost or doubled. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { LOG_FILES_MAX, LOG_MAX_BYTES } from "../../src/engine/log-keeper.ts";
import type { LogOptions } from "../../src/sdk/pods.ts";
import { BUSYBOX, startTestNode, type TestNode } from "../fixtures/node.ts";

/** Lines of one burst; with the time and tag that the log adds (45 bytes) it is a little more than one file. */
const BURST_LINES = 60_000;
const BURSTS = 6;
const TEXT = "x".repeat(130);
const LINES = BURSTS * BURST_LINES;

/** Bursts, each when the one before has been rotated away; then, once there is `/go`, a crash. The second run stays. */
const SCRIPT = `
if [ -e /v/ran ]; then echo again; exec sleep 100000; fi
burst=0
while [ $burst -lt ${BURSTS} ]; do
  awk -v from=$((burst * ${BURST_LINES})) 'BEGIN { for (i = from; i < from + ${BURST_LINES}; i++) print i, "${TEXT}" }'
  burst=$((burst + 1))
  echo $burst > /v/burst
  until [ -e /v/go$burst ]; do sleep 0.05; done
done
touch /v/ran
exit 3`;

let node: TestNode;
beforeAll(async () => {
  node = await startTestNode();
}, 120_000);
afterAll(async () => {
  await node[Symbol.asyncDispose]();
}, 120_000);

/** Checks that each line follows its predecessor; `last` is the number of the last line, `lines` how many there were. */
async function checked(options: LogOptions): Promise<{ first: number; last: number; lines: number; gaps: string[] }> {
  const found = { first: -1, last: -1, lines: 0, gaps: [] as string[] };
  let rest = "";
  for await (const block of node.client.pods("default").logs("writer", options)) {
    const parts = (rest + Buffer.from(block).toString()).split("\n");
    rest = parts.pop()!;
    for (const line of parts) {
      const at = Number.parseInt(line, 10);
      if (found.lines++ === 0) found.first = at;
      else if (at !== found.last + 1 && found.gaps.length < 5) found.gaps.push(`${found.last} → ${line.slice(0, 20)}`);
      if (line !== `${at} ${TEXT}`) found.gaps.push(`broken: ${line.slice(0, 80)}`);
      found.last = at;
    }
  }
  if (rest !== "") found.gaps.push(`unfinished: ${rest.slice(0, 40)}`);
  return found;
}

test("rotation: five files, older ones compressed, readers see every line once", { timeout: 240_000 }, async () => {
  const volume = join(node.scratch, "v");
  await node.create("writer", {
    restartPolicy: "OnFailure",
    terminationGracePeriodSeconds: 0,
    containers: [
      { name: "c", image: BUSYBOX, command: ["sh", "-c", SCRIPT], volumeMounts: [{ name: "v", mountPath: "/v" }] },
    ],
    volumes: [{ name: "v", hostPath: { path: volume, type: "DirectoryOrCreate" } }],
  });
  const pod = await node.until("writer", (now) => now.status?.containerStatuses?.[0]?.state?.running !== undefined);
  const followed = checked({ follow: true });

  const folder = join(node.root, "log/pods", `default_writer_${pod.metadata.uid}`, "c");
  const rotated = (): string[] => readdirSync(folder).filter((name) => name.startsWith("0.log."));
  const seen = new Set<string>();
  for (let burst = 1; burst <= BURSTS; burst++) {
    await expect.poll(() => Number(readIfThere(join(volume, "burst"))), { timeout: 60_000 }).toBe(burst);
    // The last burst stays in the current file; every other one is rotated away.
    if (burst < BURSTS) {
      const before = seen.size;
      await expect
        .poll(
          () => {
            for (const name of rotated()) seen.add(name.replace(/\.gz$/, ""));
            return seen.size;
          },
          { timeout: 60_000 },
        )
        .toBeGreaterThan(before);
    }
    if (burst === BURSTS) break;
    touch(join(volume, `go${burst}`));
  }

  await expect.poll(() => readdirSync(folder).length, { timeout: 20_000 }).toBeLessThanOrEqual(LOG_FILES_MAX);
  // All but the newest rotated file are compressed, so that whoever reads it now is not disturbed.
  const plain = (): string[] => rotated().filter((name) => !name.endsWith(".gz"));
  await expect.poll(() => plain().length, { timeout: 20_000 }).toBe(1);
  expect(plain()[0]).toBe(rotated().toSorted().at(-1));
  expect(statSync(join(folder, "0.log")).size).toBeLessThan(3 * LOG_MAX_BYTES);

  const whole = await checked({});
  expect(whole).toMatchObject({ last: LINES - 1, gaps: [] });
  expect(whole.lines).toBeGreaterThan(3 * BURST_LINES);
  const tail = 2 * BURST_LINES + 5;
  expect(await checked({ tailLines: tail })).toEqual({ first: LINES - tail, last: LINES - 1, lines: tail, gaps: [] });
  const { stdout } = await node.minke(["logs", "writer", "--timestamps", `--tail=${tail}`, "--limit-bytes=60"]);
  const since = await checked({ sinceTime: stdout.split(" ")[0]! });
  // Lines of the same microsecond may come along.
  expect(since).toMatchObject({ last: LINES - 1, gaps: [] });
  expect(Math.abs(since.first - (LINES - tail))).toBeLessThan(1000);

  touch(join(volume, `go${BURSTS}`));
  expect(await followed).toEqual({ first: 0, last: LINES - 1, lines: LINES, gaps: [] });
  await node.until("writer", (now) => now.status?.containerStatuses?.[0]?.restartCount === 1);
  expect(await checked({ previous: true })).toMatchObject({ last: LINES - 1, gaps: [] });
  await expect.poll(async () => (await node.minke(["logs", "writer"])).stdout).toBe("again\n");
  await node.remove("writer");
});

test("logs -f ends when the Pod is deleted, and a full log of an ended container gives no work", async () => {
  const big = `head -c ${LOG_MAX_BYTES + 1} /dev/zero | tr '\\0' 'y' | fold -w 1000`;
  await node.create("short", {
    restartPolicy: "Never",
    containers: [{ name: "c", image: BUSYBOX, command: ["sh", "-c", big] }],
  });
  await node.until("short", (now) => now.status?.phase === "Succeeded");
  await node.create("long", {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: "c", image: BUSYBOX, command: ["sh", "-c", "echo here; sleep 100000"] }],
  });
  await node.until("long", (now) => now.status?.phase === "Running");
  let output = "";
  let removed: Promise<void> | undefined;
  for await (const block of node.client.pods("default").logs("long", { follow: true })) {
    removed ??= node.remove("long");
    output += Buffer.from(block).toString();
  }
  await removed;
  expect(output).toBe("here\n");
  // Longer than two looks of the keeper.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect(node.log()).not.toContain("Log not rotated");
}, 60_000);

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "0";
  }
}

function touch(path: string): void {
  writeFileSync(path, "");
}
