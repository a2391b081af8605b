/** The log reader over real files: rotation, compression, tail and follow. */
import { appendFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { readLogs } from "../../src/server/stream/logs.ts";
import type { LogRequest } from "../../src/server/stream/logs.ts";

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "minke-logs-"));
  path = join(dir, "0.log");
});
afterEach(() => rm(dir, { recursive: true }));

/** CRI lines; `second` makes the times grow. */
function lines(from: number, to: number, stream = "stdout"): string {
  let text = "";
  for (let n = from; n < to; n++) text += `${timeOf(n)} ${stream} F line ${n}\n`;
  return text;
}

function timeOf(second: number): string {
  return new Date(1_700_000_000_000 + second * 1000).toISOString().replace("Z", "000000Z");
}

function plain(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, i) => `line ${from + i}\n`).join("");
}

async function read(request: Omit<LogRequest, "path"> = {}): Promise<string> {
  const blocks: Uint8Array[] = [];
  for await (const block of readLogs({ path, ...request })) blocks.push(block);
  return Buffer.concat(blocks).toString();
}

/** Follows in the background; `until` waits for text, `end` for the end. */
function follow(request: Omit<LogRequest, "path" | "follow"> = {}) {
  let text = "";
  const waiting: { part: string; resolve: () => void }[] = [];
  const end = (async () => {
    for await (const block of readLogs({ path, follow: true, ...request })) {
      text += Buffer.from(block).toString();
      for (const wait of waiting) if (text.includes(wait.part)) wait.resolve();
    }
    return text;
  })();
  const until = (part: string) =>
    text.includes(part) ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ part, resolve }));
  return { until, end };
}

async function threeFiles(): Promise<void> {
  await writeFile(`${path}.20260101-000000.gz`, gzipSync(lines(0, 100)));
  await writeFile(`${path}.20260102-000000`, lines(100, 200));
  await writeFile(path, lines(200, 300));
}

describe("reading", () => {
  test("a log that does not exist is empty", async () => {
    expect(await read()).toBe("");
  });

  test("rotated and compressed files are one text, oldest first", async () => {
    await threeFiles();
    expect(await read()).toBe(plain(0, 300));
  });

  test("a file that is just being compressed counts once", async () => {
    await threeFiles();
    await writeFile(`${path}.20260102-000000.gz`, gzipSync(lines(100, 150)));
    await writeFile(`${path}.20260102-000000.tmp`, "half");
    expect(await read()).toBe(plain(0, 300));
  });

  test.each([0, 1, 99, 100, 101, 200, 250, 300, 1000])("tail of %i lines", async (count) => {
    await threeFiles();
    expect(await read({ tailLines: count })).toBe(plain(Math.max(0, 300 - count), 300));
  });

  test("tail across block borders", async () => {
    const long = "x".repeat(10_000);
    const all = Array.from({ length: 50 }, (_, n) => `${timeOf(n)} stdout F ${n} ${long}\n`);
    await writeFile(path, all.join(""));
    expect(await read({ tailLines: 20 })).toBe(
      all
        .slice(30)
        .map((line) => line.slice(timeOf(0).length + 10))
        .join(""),
    );
  });

  test("pieces of a long line are joined, stamped once, and count as one line", async () => {
    await writeFile(
      path,
      `${lines(0, 1)}${timeOf(1)} stdout P ab\n${timeOf(2)} stdout P cd\n${timeOf(3)} stdout F ef\n`,
    );
    expect(await read({ tailLines: 1, timestamps: true })).toBe(`${timeOf(1)} abcdef\n`);
    expect(await read({ tailLines: 2 })).toBe("line 0\nabcdef\n");
  });

  test("one stream only", async () => {
    await writeFile(path, lines(0, 2) + lines(2, 4, "stderr") + lines(4, 6));
    expect(await read({ stream: "stderr" })).toBe(plain(2, 4));
    expect(await read({ stream: "stdout", tailLines: 3 })).toBe("line 1\nline 4\nline 5\n");
  });

  test("since a time, in whatever zone the writer writes", async () => {
    await writeFile(
      path,
      "2026-01-01T02:00:00.000000001+02:00 stdout F a\n2026-01-01T00:00:00.000000002Z stdout F b\n",
    );
    const since = BigInt(Date.parse("2026-01-01T00:00:00Z")) * 1_000_000n + 2n;
    expect(await read({ sinceNs: since })).toBe("b\n");
  });

  test("a line that began before the time is left out as a whole", async () => {
    const [before, at] = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"];
    const cut = `${before} stdout P long \n${at} stdout P er \n${at} stderr F other\n${at} stdout F line\n`;
    await writeFile(path, `${cut}${at} stdout P whole \n${at} stdout F line\n`);
    const sinceNs = BigInt(Date.parse(at)) * 1_000_000n;
    expect(await read({ sinceNs })).toBe("other\nwhole line\n");
  });

  test("no more than the limit", async () => {
    await threeFiles();
    expect(await read({ limitBytes: 10 })).toBe("line 0\nlin");
  });

  test("a last line without newline, and one in no known form, are shown", async () => {
    await writeFile(path, `garbage\n${timeOf(0)} stdout F cut`);
    expect(await read()).toBe("garbage\ncut");
  });
});

describe("following", () => {
  test("new lines come, and the end of the container ends it after all is read", async () => {
    const finished = new AbortController();
    await writeFile(path, lines(0, 2));
    const log = follow({ finished: finished.signal });
    await log.until("line 1\n");
    await appendFile(path, lines(2, 3));
    await log.until("line 2\n");
    await appendFile(path, lines(3, 5));
    finished.abort();
    expect(await log.end).toBe(plain(0, 5));
  });

  test("a log that does not exist yet is waited for", async () => {
    const finished = new AbortController();
    const log = follow({ finished: finished.signal });
    await writeFile(path, lines(0, 1));
    await log.until("line 0\n");
    finished.abort();
    expect(await log.end).toBe(plain(0, 1));
  });

  test("an unfinished line waits for its end", async () => {
    const finished = new AbortController();
    const line = lines(0, 1);
    await writeFile(path, line.slice(0, -4));
    const log = follow({ finished: finished.signal });
    await appendFile(path, line.slice(-4) + lines(1, 2));
    await log.until("line 1\n");
    finished.abort();
    expect(await log.end).toBe(plain(0, 2));
  });

  test("rotations under way neither lose nor double a line", async () => {
    const finished = new AbortController();
    await writeFile(path, "");
    const log = follow({ finished: finished.signal });
    const count = 400;
    for (let n = 0; n < count; n++) {
      if (n % 50 === 25) await rotate(n);
      await appendFile(path, lines(n, n + 1));
      // Every other rotation happens right behind the reader, the rest far from it.
      if (n % 100 === 24) await log.until(`line ${n}\n`);
    }
    finished.abort();
    expect(await log.end).toBe(plain(0, count));
  });

  test("a file that was compressed before the reader saw its new name", async () => {
    const finished = new AbortController();
    await writeFile(path, lines(0, 10));
    const log = follow({ finished: finished.signal });
    await log.until("line 9\n");
    const rest = lines(0, 10) + lines(10, 20);
    await appendFile(path, lines(10, 20));
    await writeFile(`${path}.20260101-000000.gz`, gzipSync(rest));
    await writeFile(join(dir, "next"), lines(20, 30));
    await rename(join(dir, "next"), path);
    await log.until("line 29\n");
    finished.abort();
    expect(await log.end).toBe(plain(0, 30));
  });

  test("a reader that leaves ends it", async () => {
    const left = new AbortController();
    await writeFile(path, lines(0, 1));
    const log = follow({ signal: left.signal });
    await log.until("line 0\n");
    left.abort();
    expect(await log.end).toBe(plain(0, 1));
  });
});

/** As conmon and the log keeper do it: rename, new file beside, rename into place. */
async function rotate(second: number): Promise<void> {
  const stamp = timeOf(second).slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "-");
  await rename(path, `${path}.${stamp}`);
  await writeFile(`${path}.tmp`, "");
  await rename(`${path}.tmp`, path);
}
