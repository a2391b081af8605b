import { expect, test } from "vitest";

import { instanceOf } from "../host/instance.ts";
import { parseListenAddress, urlOf, usualAddresses } from "./listen-address.ts";

test("reads IPv4 and IPv6 addresses with a port, and nothing else", () => {
  expect(parseListenAddress("127.0.0.1:6443")).toEqual({ host: "127.0.0.1", port: 6443 });
  expect(parseListenAddress("[::1]:0")).toEqual({ host: "::1", port: 0 });
  for (const wrong of [
    "",
    "6443",
    "127.0.0.1",
    "localhost:1",
    "::1:5",
    "[127.0.0.1]:5",
    "127.0.0.1:65536",
    "127.0.0.1:",
  ]) {
    expect(parseListenAddress(wrong), wrong).toBeUndefined();
  }
});

test("the default instance has Kubernetes' port, every other one its own, and any free one is the last resort", () => {
  expect(usualAddresses(instanceOf())).toEqual([
    { host: "127.0.0.1", port: 6443 },
    { host: "127.0.0.1", port: 0 },
  ]);
  const [own] = usualAddresses(instanceOf({ instance: "test" }));
  expect(own).toEqual(usualAddresses(instanceOf({ instance: "test" }))[0]);
  expect(own!.port).toBeGreaterThanOrEqual(20_000);
  expect(own!.port).toBeLessThan(30_000);
});

test("a URL names an address that a client can reach", () => {
  expect(urlOf({ host: "127.0.0.1", port: 6443 })).toBe("https://127.0.0.1:6443");
  expect(urlOf({ host: "0.0.0.0", port: 1 })).toBe("https://127.0.0.1:1");
  expect(urlOf({ host: "fd00::1", port: 1 })).toBe("https://[fd00::1]:1");
});
