import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { FakeClock } from "../base/clock.ts";
import { noLog } from "../base/logger.ts";
import { openAuditLog } from "./audit-file.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "minke-audit-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const log = noLog;
const clock = new FakeClock();
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

test("lines are there when they are written, for root alone, and behind those of the start before", () => {
  const path = join(folder, "audit.log");
  for (const line of ["a", "b"]) {
    using audit = openAuditLog(path, { clock, log });
    audit.write(line);
    expect(audit.counts).toEqual({ written: 1, lost: 0 });
  }
  expect(read("audit.log")).toBe("a\nb\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("it is put aside when it is full, and the oldest go", () => {
  using audit = openAuditLog(join(folder, "audit.log"), { clock, log, maxBytes: 20, backupsMax: 2 });
  for (let i = 0; i < 9; i++) {
    audit.write(`line ${i}`);
    clock.advance(1_000);
  }
  const names = readdirSync(folder).toSorted();
  expect(names).toHaveLength(3);
  expect(names[0]).toMatch(/^audit-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log$/);
  expect(read(names[1]!)).toBe("line 6\nline 7\n");
  expect(read("audit.log")).toBe("line 8\n");
  expect(audit.counts).toEqual({ written: 9, lost: 0 });
});

test("a place where nothing can be written is told at the start", () => {
  const path = join(folder, "no", "audit.log");
  expect(() => openAuditLog(path, { clock, log })).toThrow(/^Cannot write the audit log .*no\/audit.log: ENOENT/);
  expect(existsSync(join(folder, "no"))).toBe(false);
});
