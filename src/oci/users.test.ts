import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { readInRoot, resolveInRoot } from "./root-path.ts";
import { resolveUser, type UserRequest } from "./users.ts";

const MKFIFO = "mkfifo";
const PASSWD = `root:x:0:0:root:/root:/bin/sh
# comment
broken line
app:x:1000:1001:App:/home/app:/bin/sh
negative:x:-1:0::/:
nogid:x:12
+nis
1234:x:77:78::/num:
`;
const GROUP = `root:x:0:
wheel:x:10:root,app
app:x:1001:
extra:x:50000:other,app
bad:x:z:app
`;

let root: string;
let outside: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "minke-users-"));
  outside = mkdtempSync(join(tmpdir(), "minke-outside-"));
  mkdirSync(join(root, "etc"));
  writeFileSync(join(root, "etc/passwd"), PASSWD);
  writeFileSync(join(root, "etc/group"), GROUP);
  writeFileSync(join(outside, "secret"), "secret");
});
afterAll(() => {
  for (const path of [root, outside]) rmSync(path, { recursive: true });
});

describe("resolveUser()", () => {
  const resolve = (request: Partial<UserRequest>) =>
    resolveUser(root, { imageUser: "", supplementalGroups: [], ...request });
  const app = { uid: 1000, gid: 1001, username: "app", home: "/home/app" };

  test.each<[string, Partial<UserRequest>, object]>([
    ["nobody asked: root", {}, { uid: 0, gid: 0, additionalGids: [0, 10], username: "root", home: "/root" }],
    ["image user by name", { imageUser: "app" }, { ...app, additionalGids: [1001, 10, 50000] }],
    ["image user by number", { imageUser: "1000" }, { ...app, additionalGids: [1001, 10, 50000] }],
    ["image user and group", { imageUser: "app:wheel" }, { ...app, gid: 10, additionalGids: [10, 50000] }],
    ["image group by number", { imageUser: "9:8" }, { uid: 9, gid: 8, additionalGids: [8], username: "", home: "/" }],
    ["request over image", { imageUser: "app:wheel", runAsUser: 5 }, { uid: 5, gid: 0, additionalGids: [0] }],
    ["no passwd entry", { runAsUser: 4711, supplementalGroups: [7, 7] }, { uid: 4711, gid: 0, additionalGids: [0, 7] }],
    ["name requested", { runAsUsername: "app", runAsGroup: 3 }, { ...app, gid: 3, additionalGids: [3, 10, 50000] }],
    [
      "strict groups",
      { runAsUser: 1000, supplementalGroups: [5], supplementalGroupsPolicy: "strict" },
      { ...app, additionalGids: [1001, 5] },
    ],
    ["a name of digits", { imageUser: "1234" }, { uid: 77, gid: 78, username: "1234", home: "/num" }],
    ["runAsUser 0", { imageUser: "app", runAsUser: 0 }, { uid: 0, home: "/root" }],
  ])("%s", async (_, request, expected) => {
    expect(await resolve(request)).toMatchObject(expected);
  });

  test.each<[Partial<UserRequest>, string, RegExp]>([
    [{ imageUser: "ghost" }, "NotFound", /user ghost not found in image/],
    [{ imageUser: "app:ghosts" }, "NotFound", /group ghosts not found in image/],
    [{ imageUser: "negative" }, "NotFound", /user negative/],
    [{ imageUser: "99999999999" }, "NotFound", /user 99999999999/],
    [{ imageUser: "app", runAsGroup: 3 }, "InvalidArgument", /runAsGroup 3: no user is set/],
  ])("%j is refused", async (request, code, message) => {
    await expect(resolve(request)).rejects.toMatchObject({
      code,
      reason: "CreateContainerConfigError",
      message: expect.stringMatching(message),
    });
  });

  test("an image without passwd and group files takes numbers", async () => {
    expect(await resolveUser(outside, { imageUser: "3:4", supplementalGroups: [] })).toMatchObject({ uid: 3, gid: 4 });
  });
});

describe("resolveInRoot()", () => {
  test("a link never leaves the root", async () => {
    symlinkSync(join(outside, "secret"), join(root, "absolute"));
    symlinkSync(`../../../../../..${outside}/secret`, join(root, "etc/relative"));
    symlinkSync("/etc", join(root, "inside"));
    expect(await resolveInRoot(root, "/absolute")).toBeUndefined();
    expect(await resolveInRoot(root, "/etc/relative")).toBeUndefined();
    expect(await resolveInRoot(root, "/inside/../inside/passwd")).toBe(join(root, "etc/passwd"));
    expect(await resolveInRoot(root, "../../etc/passwd")).toBe(join(root, "etc/passwd"));
  });

  test("a loop of links ends in an error", async () => {
    symlinkSync("loop", join(root, "loop"));
    await expect(resolveInRoot(root, "/loop")).rejects.toThrow(/symbolic links/);
  });

  test("neither a FIFO nor a file beyond the limit is read", async () => {
    execFileSync(MKFIFO, [join(root, "fifo")]);
    await expect(readInRoot(root, "/fifo", 10)).rejects.toThrow(/not a regular file/);
    await expect(readInRoot(root, "/etc/passwd", 10)).rejects.toThrow(/more than the 10/);
    expect(await readInRoot(root, "/etc/none", 10)).toBeUndefined();
  });
});
