import { expect, test } from "vitest";

import { sysctlPath } from "./namespace.ts";

test.each([
  ["net.core.somaxconn", "net/core/somaxconn"],
  ["net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter"],
  ["net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter"],
])("sysctl %s is the file %s", (name, path) => {
  expect(sysctlPath(name)).toBe(path);
});

test.each(["", "somaxconn", "net..core", "net.//.core", "../etc/passwd", "net/../../etc", "/net/core", "net.core.\n"])(
  "sysctl name %j is refused",
  (name) => {
    expect(() => sysctlPath(name)).toThrow(`Cannot set sysctl "${name}"`);
  },
);
