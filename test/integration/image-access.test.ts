/** Who may use which image: a Pod's own credentials, and the signatures that a policy asks for. Debian's docker-registry. */
import { execFile } from "node:child_process";
import { type KeyObject, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { ContainerStateWaiting, Pod, PodSpec } from "../../src/api/gen/types.ts";
import { type TestNode, BUSYBOX, startTestNode } from "../fixtures/node.ts";
import { type TestRegistry, skopeoFlags, startRegistry } from "../fixtures/registry.ts";
import { signImage } from "../fixtures/sign-image.ts";
import { USER } from "../fixtures/token-server.ts";

const run = promisify(execFile);
let registry: TestRegistry;
let node: TestNode;
let scratch: string;
let flags: readonly string[];
let policy: string;
const owner = generateKeyPairSync("ec", { namedCurve: "P-256" });

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "minke-image-access-"));
  registry = await startRegistry({ auth: "htpasswd" });
  flags = skopeoFlags(registry, "dest", USER);
  writeFileSync(join(scratch, "owner.pub"), owner.publicKey.export({ type: "spki", format: "pem" }));
  policy = join(scratch, "policy.json");
  writePolicy({});
  node = await startTestNode({ args: ["--registries-dir", registry.registriesDir, "--image-policy", policy] });
  const archive = join(scratch, "busybox.tar");
  expect(await node.minke(["image", "save", BUSYBOX, "-o", archive])).toMatchObject({ code: 0 });
  for (const name of ["team/app:1", "signed/app:1", "signed/other:1"]) {
    await run("skopeo", ["copy", ...flags, `oci-archive:${archive}`, `docker://${registry.address}/${name}`]);
  }
  await addSecret("mine", USER);
  await addSecret("wrong", { ...USER, password: "no" });
  await addSecret("same", USER);
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  rmSync(scratch, { recursive: true, force: true });
});

/** Everything may come but what is below `signed/`, which needs the owner's signature. */
function writePolicy(signedIdentity: Record<string, unknown>, key = "owner.pub"): void {
  const identity = Object.keys(signedIdentity).length > 0 ? { signedIdentity } : {};
  const signed = [{ type: "sigstoreSigned", keyPath: key, ...identity }];
  const docker = { [`${registry.address}/signed`]: signed };
  writeFileSync(policy, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }], transports: { docker } }));
}

async function addSecret(name: string, { username, password }: { username: string; password: string }): Promise<void> {
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  const document = JSON.stringify({ auths: { [registry.address]: { auth } } });
  await node.client.secrets("default").create({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name },
    type: "kubernetes.io/dockerconfigjson",
    data: { ".dockerconfigjson": Buffer.from(document).toString("base64") },
  });
}

function spec(secret?: string, imagePullPolicy = "IfNotPresent", image = "team/app:1"): PodSpec {
  const command = ["sleep", "1000"];
  return {
    terminationGracePeriodSeconds: 0,
    ...(secret === undefined ? {} : { imagePullSecrets: [{ name: secret }] }),
    containers: [{ name: "c", image: `${registry.address}/${image}`, imagePullPolicy, command }],
  };
}

const isRunning = (pod: Pod): boolean => pod.status?.phase === "Running";
const waiting = (pod: Pod): ContainerStateWaiting => pod.status?.containerStatuses?.[0]?.state?.waiting ?? {};

async function ends(name: string, podSpec: PodSpec): Promise<string> {
  await node.create(name, podSpec);
  const pod = await node.until(name, (now) => isRunning(now) || /Err|BackOff|Fail/.test(waiting(now).reason ?? ""));
  await node.remove(name, 0);
  return isRunning(pod) ? "Running" : `${waiting(pod).reason}: ${waiting(pod).message}`;
}

test("a private image that is here is here only for Pods that could pull it, also after a restart", async () => {
  expect(await ends("owner", spec("mine"))).toBe("Running");
  expect(await ends("stranger", spec())).toMatch(/^ErrImagePull: .*401/s);
  expect(await ends("guesser", spec("wrong"))).toMatch(/^ErrImagePull/);
  expect(await ends("never", spec(undefined, "Never"))).toBe(
    `ErrImageNeverPull: Container image "${registry.address}/team/app:1" is not present with pull policy of Never`,
  );
  expect(await ends("cousin", spec("same", "Never"))).toBe("Running");
  await node.stop("SIGKILL");
  await node.start();
  expect(await ends("stranger", spec(undefined, "Never"))).toMatch(/^ErrImageNeverPull/);
  expect(await ends("owner", spec("mine", "Never"))).toBe("Running");
  const events = await node.client.events("default").list();
  expect(events.items.map(({ message }) => message)).toContain(
    `Container image "${registry.address}/team/app:1" already present on machine and can be accessed by the pod`,
  );
});

describe("signatures", () => {
  const sign = async (
    name: string,
    key: KeyObject,
    more: Partial<Parameters<typeof signImage>[0]> = {},
  ): Promise<void> => {
    const repository = `${registry.address}/${name}`;
    const inspect = [
      "inspect",
      "--tls-verify=false",
      `--creds=${USER.username}:${USER.password}`,
      "--format={{.Digest}}",
    ];
    const { stdout } = await run("skopeo", [...inspect, `docker://${repository}:1`]);
    signImage({ key, repository, digest: stdout.trim(), flags, ...more });
  };
  const signed = (name = "signed/app:1"): PodSpec => spec("mine", "Always", name);

  test("a Pod's image runs with the right one, and waits with SignatureValidationFailed without", async () => {
    writePolicy({ type: "matchRepository" });
    expect(await ends("unsigned", signed())).toMatch(
      /^SignatureValidationFailed: .*it has no signature; the policy is /,
    );
    await sign("signed/app", generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
    expect(await ends("foreign", signed())).toContain("none of its signatures was made with the policy's key");
    await sign("signed/app", owner.privateKey, { signedDigest: `sha256:${"0".repeat(64)}` });
    expect(await ends("moved", signed())).toContain("a signature is of another image");
    await sign("signed/app", owner.privateKey, { signedReference: `${registry.address}/signed/other` });
    expect(await ends("renamed", signed())).toContain("signed/other, which matchRepository does not accept");
    await sign("signed/app", owner.privateKey);
    expect(await ends("good", signed())).toBe("Running");
    // The same manifest under another name is another image to the policy.
    expect(await ends("other", signed("signed/other:1"))).toContain("it has no signature");
    writePolicy({});
    expect(await ends("tag", signed())).toContain("which matchRepoDigestOrExact does not accept");
    await sign("signed/app", owner.privateKey, { signedReference: `${registry.address}/signed/app:1` });
    expect(await ends("exact", signed())).toBe("Running");
  });

  test("other kinds of keys, what is rejected, and a policy that can not be read", async () => {
    for (const { publicKey, privateKey } of [
      generateKeyPairSync("ed25519"),
      generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ]) {
      writeFileSync(join(scratch, "other.pub"), publicKey.export({ type: "spki", format: "pem" }));
      writePolicy({ type: "matchRepository" }, "other.pub");
      await sign("signed/other", privateKey);
      expect(await ends("other", signed("signed/other:1"))).toBe("Running");
    }
    writeFileSync(policy, JSON.stringify({ default: [{ type: "reject" }] }));
    expect(await ends("rejected", spec("mine", "Always"))).toContain("the policy rejects it");
    writePolicy({ type: "matchAnything" });
    expect(await ends("broken", spec("mine", "Always"))).toMatch(/^ErrImagePull: .*matchAnything/);
  });
});
