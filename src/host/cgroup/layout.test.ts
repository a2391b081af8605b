import { expect, test } from "vitest";

import { layoutOf } from "./layout.ts";

const mount = (device: string, root: string, target: string, type: string, options: string): string =>
  `1 2 ${device} ${root} ${target} rw,relatime - ${type} ${type} ${options}`;

test("only a cgroup2 mount is version 2", () => {
  expect(layoutOf(mount("0:27", "/", "/sys/fs/cgroup", "cgroup2", "rw,nsdelegate"))).toEqual({
    version: 2,
    base: "/sys/fs/cgroup",
  });
});

test("systemd's named v1 hierarchy beside a full v2 tree is still version 2", () => {
  const text = [
    mount("0:27", "/", "/sys/fs/cgroup", "cgroup2", "rw"),
    mount("0:28", "/", "/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,name=systemd"),
  ].join("\n");
  expect(layoutOf(text)).toEqual({ version: 2, base: "/sys/fs/cgroup" });
});

test("hybrid: each hierarchy once, options that are no controllers left out, nested roots kept as they are mounted", () => {
  const text = [
    mount("0:29", "/docker/ab", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct"),
    mount("0:29", "/", "/mnt/again", "cgroup", "rw,cpu,cpuacct"),
    mount("0:30", "/", "/sys/fs/cgroup/cpuset", "cgroup", "rw,cpuset,clone_children"),
    mount("0:31", "/", "/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,release_agent=/x,name=systemd"),
    mount("0:32", "/", "/sys/fs/cgroup/unified", "cgroup2", "rw,nsdelegate"),
  ].join("\n");
  expect(layoutOf(text)).toEqual({
    version: 1,
    hierarchies: [
      { base: "/sys/fs/cgroup/cpu,cpuacct", controllers: ["cpu", "cpuacct"] },
      { base: "/sys/fs/cgroup/cpuset", controllers: ["cpuset"] },
      { base: "/sys/fs/cgroup/systemd", controllers: ["name=systemd"] },
    ],
    unified: "/sys/fs/cgroup/unified",
  });
});

test("no cgroup mount is no layout", () => {
  expect(layoutOf(mount("0:1", "/", "/", "ext4", "rw"))).toBeUndefined();
});
