import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { isLoopback, registryHosts } from "./hosts.ts";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "minke-hosts-"))));
afterEach(() => rmSync(directory, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
}

const roots = async (registry: string): Promise<string[]> =>
  (await registryHosts(directory, registry)).map(({ root }) => root);

describe("registryHosts()", () => {
  test("without settings is the registry itself, verified but for this machine's own addresses", async () => {
    expect(await registryHosts(join(directory, "none"), "registry.example:5000")).toMatchObject([
      { root: "https://registry.example:5000/v2", mirrors: false, plainFallback: false, tls: { verify: true } },
    ]);
    expect(await registryHosts(directory, "localhost:5000")).toMatchObject([
      { plainFallback: true, tls: { verify: false } },
    ]);
    expect(await roots("docker.io")).toEqual(["https://registry-1.docker.io/v2"]);
  });

  test("asks mirrors in their order, then the server, with what is said for each", async () => {
    write("registry.example/mirror.crt", "PEM");
    write(
      "registry.example/hosts.toml",
      `server = "https://up.example/api"
       [host."https://two.example"]
       capabilities = "pull"
       ca = "mirror.crt"
       dial_timeout = "500ms"
       [host."http://one.example/prefix"]
       override_path = true
       skip_verify = true
       [host."http://one.example/prefix".header]
       x-key = ["a", "b"]`,
    );
    expect(await registryHosts(directory, "registry.example")).toMatchObject([
      {
        root: "https://two.example/v2",
        mirrors: true,
        capabilities: ["pull"],
        tls: { ca: ["PEM"] },
        connectTimeoutMs: 500,
      },
      { root: "http://one.example/prefix", mirrors: true, headers: { "x-key": ["a", "b"] }, tls: { verify: false } },
      { root: "https://up.example/api/v2", mirrors: false, capabilities: ["pull", "resolve", "push"] },
    ]);
  });

  test("looks for the registry, its name without a colon, then the default", async () => {
    write("_default/hosts.toml", '[host."https://mirror.example"]');
    write("a.example_5000_/hosts.toml", 'server = "https://port.example"');
    expect(await roots("b.example")).toEqual(["https://mirror.example/v2", "https://b.example/v2"]);
    expect(await roots("a.example:5000")).toEqual(["https://port.example/v2"]);
    write("a.example:5000/ca.crt", "CA");
    write("a.example:5000/me.cert", "CERT");
    write("a.example:5000/me.key", "KEY");
    const [host] = await registryHosts(directory, "a.example:5000");
    expect(host).toMatchObject({ tls: { ca: ["CA"], clients: [{ cert: "CERT", key: "KEY" }] } });
  });

  test.each([
    ['serve = "x"', '"serve", which is not known'],
    ['[host."https://x"]\nca = 1', '"ca" is no text'],
    ['ca = "absent.crt"', "absent.crt can not be read"],
    ['capabilities = ["read"]', 'capability "read"'],
    ['skip_verify = "yes"', "neither true nor false"],
    ['server = "https://a:b@x"', "holds a credential"],
    ['dial_timeout = "soon"', "no duration"],
    ['client = [["a", "b", "c"]]', "pair"],
  ])("refuses %j", async (text, why) => {
    write("r.example/hosts.toml", text);
    await expect(registryHosts(directory, "r.example")).rejects.toThrow(why);
  });
});

test.each([
  ["localhost", true],
  ["localhost:5000", true],
  ["127.1.2.3:80", true],
  ["[::1]:5000", true],
  ["localhost.example", false],
  ["10.0.0.1", false],
])("isLoopback(%j)", (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
