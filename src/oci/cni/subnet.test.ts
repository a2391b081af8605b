import { expect, test } from "vitest";

import {
  chooseSubnet,
  contains,
  formatSubnet,
  gatewayOf,
  overlaps,
  parseRoutes,
  parseSubnet,
  type Subnet,
} from "./subnet.ts";

const subnet = (text: string): Subnet => parseSubnet(text)!;

test("parseSubnet() and formatSubnet() are each other's inverse, and host bits go", () => {
  expect(formatSubnet(subnet("10.88.3.4/16"))).toBe("10.88.0.0/16");
  expect(formatSubnet(subnet("255.255.255.255/32"))).toBe("255.255.255.255/32");
  expect(formatSubnet(subnet("200.1.2.3/0"))).toBe("0.0.0.0/0");
  for (const text of ["10.0.0.0", "10.0.0.256/8", "10.0.0.0/33", "::1/64"]) expect(parseSubnet(text)).toBeUndefined();
});

test.each([
  ["10.0.0.0/8", "10.200.0.0/16", true],
  ["10.1.0.0/16", "10.2.0.0/16", false],
  ["192.168.1.0/24", "192.168.1.77/32", true],
  ["128.0.0.0/1", "127.0.0.0/8", false],
])("overlaps(%s, %s) is %s", (a, b, expected) => {
  expect(overlaps(subnet(a), subnet(b))).toBe(expected);
  expect(overlaps(subnet(b), subnet(a))).toBe(expected);
});

test("gatewayOf() is the first address, and contains() knows the subnet's own addresses", () => {
  expect(gatewayOf(subnet("10.128.16.0/20"))).toBe("10.128.16.1");
  for (const [address, own] of [
    ["10.128.16.1", true],
    ["10.128.31.255", true],
    ["10.128.32.1", false],
    ["127.0.0.1", false],
    ["::ffff:10.128.16.1", false],
    ["", false],
  ] as const) {
    expect(contains(subnet("10.128.16.0/20"), address), address).toBe(own);
  }
});

test("chooseSubnet() gives the default instance a /16, others a /20 at a place of their own, all free", () => {
  const first = { hash: "00000001", isDefault: true };
  expect(formatSubnet(chooseSubnet([], first))).toBe("10.112.0.0/16");
  expect(formatSubnet(chooseSubnet([subnet("10.112.5.0/24"), subnet("10.113.0.0/16")], first))).toBe("10.114.0.0/16");
  const other = { hash: "000003ff", isDefault: false };
  expect(formatSubnet(chooseSubnet([], other))).toBe("10.191.240.0/20");
  expect(formatSubnet(chooseSubnet([subnet("10.191.240.0/20")], other))).toBe("10.128.0.0/20");
  expect(() => chooseSubnet([subnet("10.0.0.0/8")], other)).toThrow(/CNI configuration of your own/);
});

test("parseRoutes() reads /proc/net/route without the default route and the ignored interface", () => {
  const text = [
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT",
    "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
    "eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
    "minke0\t0000700A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
    "",
  ].join("\n");
  expect(parseRoutes(text, "minke0").map(formatSubnet)).toEqual(["192.168.2.0/24"]);
  expect(parseRoutes(text, "none").map(formatSubnet)).toEqual(["192.168.2.0/24", "10.112.0.0/16"]);
});
