import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { type Identity, isSignedFor, readIdentity } from "./identity.ts";
import { readPolicy, requirementsFor } from "./policy.ts";

const PEM = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" });
const ACCEPT = [{ type: "insecureAcceptAnything" }];
const REJECT = [{ type: "reject" }];

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "minke-policy-"))));
afterEach(async () => await rm(folder, { recursive: true }));

async function read(policy: unknown) {
  const path = join(folder, "policy.json");
  await writeFile(path, typeof policy === "string" ? policy : JSON.stringify(policy));
  return await readPolicy(path);
}

test.each([
  ["docker.io/library/nginx:1", "docker.io/library/nginx:1"],
  ["docker.io/library/nginx:2", "docker.io/library/nginx"],
  ["docker.io/library/other:1", "docker.io/library"],
  ["docker.io/x/y:1", "docker.io"],
  ["registry.test:5000/a/b/c@sha256:0", "registry.test:5000/a"],
  ["registry.test:5000/b:1", "registry.test:5000"],
  ["one.sub.example/x:1", "*.sub.example"],
  ["one.other.example/x:1", "*.example"],
  ["elsewhere/x:1", "default"],
])("%s is judged by %s", async (name, scope) => {
  const scopes = "docker.io/library/nginx:1 docker.io/library/nginx docker.io/library docker.io registry.test:5000/a";
  const all = [...scopes.split(" "), "registry.test:5000", "*.sub.example", "*.example"];
  const docker = Object.fromEntries(all.map((one) => [one, one === scope ? REJECT : ACCEPT]));
  const policy = await read({ default: scope === "default" ? REJECT : ACCEPT, transports: { docker, dir: {} } });
  expect(requirementsFor(policy, name)).toEqual(REJECT);
});

test("the empty scope is the whole transport, and keys come from files or the text itself", async () => {
  await writeFile(join(folder, "a.pub"), PEM);
  const keyData = Buffer.from(PEM).toString("base64");
  const requirements = [{ keyPath: "a.pub" }, { keyPaths: ["a.pub", join(folder, "a.pub")] }, { keyData }];
  const docker = { "": requirements.map((one) => ({ type: "sigstoreSigned", ...one })) };
  const found = requirementsFor(await read({ default: REJECT, transports: { docker } }), "a/b:1");
  expect(found.map((one) => (one.type === "sigstoreSigned" ? one.keys.length : 0))).toEqual([1, 2, 1]);
});

test.each<[unknown, string]>([
  ["{", "no JSON"],
  [{}, '"default" is no list'],
  [{ default: [] }, '"default" is no list'],
  [{ default: [{ type: "signedBy" }] }, '"signedBy"; known are'],
  [{ default: ACCEPT, extra: 1 }, 'field "extra"'],
  [{ default: ACCEPT, transports: { docker: { a: [{ type: "reject", x: 1 }] } } }, 'field "x"'],
  [{ default: [{ type: "sigstoreSigned" }] }, "needs one of keyPath"],
  [{ default: [{ type: "sigstoreSigned", keyPath: "none.pub" }] }, "ENOENT"],
  [{ default: [{ type: "sigstoreSigned", keyData: "AAAA" }] }, "Cannot use image policy"],
  [{ default: [{ type: "sigstoreSigned", keyData: "AAAA", rekorPublicKeyPath: "r" }] }, '"rekorPublicKeyPath"'],
])("%j is refused", async (policy, why) => {
  await expect(read(policy)).rejects.toThrow(why);
});

const NGINX = "docker.io/library/nginx";
test.each<[Identity, name: string, signed: string, boolean]>([
  [{ type: "matchRepoDigestOrExact" }, `${NGINX}:1`, `${NGINX}:1`, true],
  [{ type: "matchRepoDigestOrExact" }, `${NGINX}:1`, "nginx:1", true],
  [{ type: "matchRepoDigestOrExact" }, `${NGINX}:1`, `${NGINX}:2`, false],
  [{ type: "matchRepoDigestOrExact" }, `${NGINX}:latest`, NGINX, false],
  [{ type: "matchRepoDigestOrExact" }, `${NGINX}@sha256:${"a".repeat(64)}`, NGINX, true],
  [{ type: "matchExact" }, `${NGINX}@sha256:${"a".repeat(64)}`, NGINX, false],
  [{ type: "matchRepository" }, `${NGINX}:1`, NGINX, true],
  [{ type: "matchRepository" }, `${NGINX}:1`, "docker.io/library/other", false],
  [{ type: "matchRepository" }, `${NGINX}:1`, "not a name", false],
  [{ type: "exactReference", dockerReference: "a.test/b:1" }, `${NGINX}:1`, "a.test/b:1", true],
  [{ type: "exactRepository", dockerRepository: "a.test/b" }, `${NGINX}:1`, "a.test/b:1", true],
  [
    { type: "remapIdentity", prefix: "m.test/hub", signedPrefix: "docker.io" },
    "m.test/hub/a/b:1",
    "docker.io/a/b:1",
    true,
  ],
  [
    { type: "remapIdentity", prefix: "m.test/hub", signedPrefix: "docker.io" },
    "m.test/hubs/a:1",
    "docker.io/s/a:1",
    false,
  ],
])("%j: %s signed as %s is %s", (identity, name, signed, expected) => {
  expect(isSignedFor(readIdentity(identity, ""), name, signed)).toBe(expected);
});
