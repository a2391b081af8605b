import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { namesIn, readCheckpoint, removeCheckpoint, writeCheckpoint } from "./checkpoint.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "minke-checkpoint-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test("what was written last is read, and nothing else stays in the folder", () => {
  const path = join(folder, "deep/er/one.json");
  writeCheckpoint(path, { n: 1 });
  writeCheckpoint(path, { n: 2 });
  expect(readCheckpoint(path)).toEqual({ kind: "read", data: { n: 2 } });
  expect(readdirSync(join(folder, "deep/er"))).toEqual(["one.json"]);
});

test.each([
  ["", "cut to nothing"],
  ['{"version":1,"da', "cut off"],
  ["null", "no object"],
  ['{"version":1}', "without data"],
  ['{"version":99,"data":{}}', "of another version"],
])("%j (%s) is corrupt, and no error", (text) => {
  const path = join(folder, "x.json");
  writeFileSync(path, text);
  expect(readCheckpoint(path)).toMatchObject({ kind: "corrupt" });
});

test("what is not there is absent, and can be removed", () => {
  const path = join(folder, "none/x.json");
  expect(readCheckpoint(path)).toEqual({ kind: "absent" });
  removeCheckpoint(path);
  expect(namesIn(join(folder, "none"))).toEqual([]);
});

test("a folder that can not be written to is told", () => {
  writeFileSync(join(folder, "file"), "");
  expect(() => writeCheckpoint(join(folder, "file/x.json"), {})).toThrow(/Cannot write checkpoint .*file\/x\.json/);
});
