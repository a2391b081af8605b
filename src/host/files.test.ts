import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { atomicWrite, ensureFolder, exists, isTemporary, readIfExists, removeFile, removeTree } from "./files.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "minke-files-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test("atomicWrite replaces a file, sets its mode and leaves nothing else behind", async () => {
  const path = join(folder, "a");
  await atomicWrite(path, "one", { mode: 0o640, durable: true });
  await atomicWrite(path, Buffer.from("two"));
  expect(await readFile(path, "utf8")).toBe("two");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(["a"]);
});

test("a write that fails leaves the old content and no temporary file", async () => {
  await writeFile(join(folder, "file"), "old");
  await expect(atomicWrite(join(folder, "file", "below"), "new")).rejects.toThrow(/Cannot write .*: ENOTDIR/);
  expect(await readdir(folder)).toEqual(["file"]);
});

test("isTemporary knows the names of unfinished writes only", () => {
  expect([".a.json.0123abcd.tmp", "a.json", ".hidden", "a.tmp"].map(isTemporary)).toEqual([true, false, false, false]);
});

test("absence is an answer, not an error", async () => {
  expect(await readIfExists(join(folder, "none"))).toBeUndefined();
  expect(await exists(join(folder, "none"))).toBe(false);
  await removeFile(join(folder, "none"));
  await removeTree(join(folder, "none"));
});

test("removeTree removes a link and not what it leads to", async () => {
  const outside = await mkdtemp(join(tmpdir(), "minke-files-"));
  await writeFile(join(outside, "kept"), "");
  await symlink(outside, join(folder, "link"));
  await removeTree(folder);
  expect(await readdir(outside)).toEqual(["kept"]);
  await removeTree(outside);
});

test("ensureFolder makes parents, and ends where the file system refuses", async () => {
  await Promise.all([ensureFolder(join(folder, "a/b/c")), ensureFolder(join(folder, "a/b/d"))]);
  expect(await readdir(join(folder, "a/b"))).toEqual(["c", "d"]);
  await writeFile(join(folder, "file"), "");
  await expect(ensureFolder(join(folder, "file/x"))).rejects.toThrow("ENOTDIR");
  await expect(ensureFolder("/proc/minke/x")).rejects.toThrow("ENOENT");
});
