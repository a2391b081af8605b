import { expect, test } from "vitest";

import { guardFromBrowsers } from "./browser-guard.ts";

const passes = (headers: Readonly<Record<string, string>>, local = false): boolean => {
  try {
    guardFromBrowsers({ headers }, { local, nodeName: "node-a" });
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "PermissionDenied" });
    return false;
  }
};

test("the host is an address or a name of this node", () => {
  const good = [
    "127.0.0.1:6443",
    "[::1]:6443",
    "10.112.0.1",
    "localhost:6443",
    "LOCALHOST",
    "node-a",
    "kubernetes.default.svc:443",
  ];
  for (const host of good) expect(passes({ host }), host).toBe(true);
  for (const host of ["evil.example", "evil.example:6443", "127.0.0.1.evil.example", "localhost.evil.example", ""]) {
    expect(passes({ host }), host).toBe(false);
    expect(passes({ ":authority": host }), host).toBe(false);
  }
  expect(passes({})).toBe(false);
});

test("over the socket any host will do, but no origin of another site", () => {
  expect(passes({ host: "anything" }, true)).toBe(true);
  expect(passes({ host: "localhost", origin: "https://evil.example" }, true)).toBe(false);
});

test("an origin is the node itself or this machine; programs that are no browsers send none, or localhost", () => {
  const host = "10.112.0.1:6443";
  for (const origin of ["https://10.112.0.1:6443", "http://localhost", "http://127.0.0.1:3000", "https://[::1]"]) {
    expect(passes({ host, origin }), origin).toBe(true);
  }
  for (const origin of ["https://evil.example", "null", "http://10.112.0.2", "http://localhost.evil.example", "x"]) {
    expect(passes({ host, origin }), origin).toBe(false);
  }
});
