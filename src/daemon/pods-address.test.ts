import { describe, expect, test } from "vitest";

import { MinkeError } from "../base/errors.ts";
import type { HostSide } from "../oci/cni.ts";
import { openForPods, reachesPods } from "./pods-address.ts";

test.each([
  ["auto", false, true],
  ["off", false, false],
  ["127.0.0.1:6443", false, true],
  ["auto", true, false],
  ["127.1.2.3:6443", true, false],
  ["[::1]:6443", true, false],
  ["192.0.2.7:6443", true, true],
  ["0.0.0.0:6443", true, true],
  ["[::]:6443", true, true],
])("--listen %s, with a network of the user's: %s; Pods reach it: %s", (listen, hasUserNetwork, expected) => {
  expect(reachesPods(listen, hasUserNetwork)).toBe(expected);
});

describe("openForPods()", () => {
  const side: HostSide = { gateway: "10.112.0.1", includes: (address) => address.startsWith("10.112.") };
  const bound: { host: string; port: number; admits: (peer: string) => boolean }[] = [];
  const taken = new Set<number>();
  const open = async (host: string, embedded = true): ReturnType<typeof openForPods> => {
    bound.length = 0;
    return await openForPods({
      server: {
        bind: async (at, port, admits = () => true) => {
          if (taken.has(port)) throw new MinkeError("FailedPrecondition", `Cannot listen on ${at}:${port}`);
          bound.push({ host: at, port, admits });
          return port;
        },
      },
      network: { hostSide: async () => (embedded ? side : undefined) },
      main: { host, port: 7000 },
      nodeIp: "192.0.2.7",
      ports: [6443, 20_000],
    });
  };

  test("listens at the host's address in the Pod network, for its members alone", async () => {
    expect(await open("127.0.0.1")).toEqual({ host: "10.112.0.1", port: 6443 });
    const { admits } = bound[0]!;
    expect(["10.112.3.4", "192.0.2.1", "127.0.0.1", ""].map(admits)).toEqual([true, false, false, false]);
    taken.add(6443);
    expect(await open("127.0.0.1")).toEqual({ host: "10.112.0.1", port: 20_000 });
  });

  test("who listens everywhere listens there too", async () => {
    expect(await open("0.0.0.0")).toEqual({ host: "10.112.0.1", port: 7000 });
    expect(await open("::", false)).toEqual({ host: "192.0.2.7", port: 7000 });
    expect(bound).toEqual([]);
  });

  test("in a network of the user's it is the address that was opened to others", async () => {
    expect(await open("192.0.2.8", false)).toEqual({ host: "192.0.2.8", port: 7000 });
    expect(bound).toEqual([]);
  });
});
