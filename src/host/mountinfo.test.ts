import { expect, test } from "vitest";

import { mountOf, mountsBelow, parseMountinfo } from "./mountinfo.ts";

const text = String.raw`22 27 0:21 / /proc rw,relatime - proc proc rw
31 23 0:28 / /sys/fs/cgroup rw,relatime shared:4 - tmpfs tmpfs rw,mode=755
32 31 0:29 /docker/ab /sys/fs/cgroup/cpu rw,relatime shared:5 master:1 - cgroup cgroup rw,cpu,cpuacct
40 27 0:50 / /run/a\040b\011c\134d rw - tmpfs so\040urce rw
41 40 0:51 / /run/a\040b\011c\134d/x rw - overlay overlay rw,lowerdir=/a:/b
42 40 0:52 / /run/a\040b\011c\134d/x rw - tmpfs top rw
43 27 0:53 / /run/abc rw - tmpfs other rw
`;

test("parseMountinfo undoes octal escapes and skips optional fields", () => {
  const entries = parseMountinfo(text);
  expect(entries).toHaveLength(7);
  expect(entries[2]).toEqual({
    id: 32,
    device: "0:29",
    root: "/docker/ab",
    target: "/sys/fs/cgroup/cpu",
    type: "cgroup",
    source: "cgroup",
    superOptions: ["rw", "cpu", "cpuacct"],
    peers: "shared",
  });
  expect(entries[3]).toMatchObject({ target: "/run/a b\tc\\d", source: "so urce" });
});

test("mountOf finds the topmost mount that a path lies in", () => {
  const entries = parseMountinfo(`27 1 0:50 / / rw master:1 - ext4 root rw\n${text}`);
  const found = (path: string): string | undefined => mountOf(entries, path)?.source;
  expect([found("/run/abcd"), found("/run/abc"), found("/run/a b\tc\\d/x/y")]).toEqual(["root", "other", "top"]);
  expect(mountOf(entries, "/")?.peers).toBe("slave");
});

test("mountsBelow lists deepest and topmost first, and no sibling with the same beginning", () => {
  const entries = parseMountinfo(text);
  expect(mountsBelow(entries, "/run/a b\tc\\d").map(({ source }) => source)).toEqual(["top", "overlay", "so urce"]);
  expect(mountsBelow(entries, "/run/ab")).toEqual([]);
  expect(mountsBelow(entries, "/")).toHaveLength(7);
});
