/** Logging in to real registries with passwords and with tokens: what is kept where, and that pulls then need nothing more. */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { systemClock } from "../../src/base/clock.ts";
import type { MinkeError } from "../../src/base/errors.ts";
import { noLog } from "../../src/base/logger.ts";
import { createHost } from "../../src/host/create-host.ts";
import type { Host } from "../../src/host/host.ts";
import type { ImageService } from "../../src/runtime/image.ts";
import { createImageService } from "../../src/runtime/image/create-image-service.ts";
import { streamOf, tarOf } from "../fixtures/layer-tar.ts";
import { startTestNode } from "../fixtures/node.ts";
import { type TestRegistry, startRegistry } from "../fixtures/registry.ts";
import { USER } from "../fixtures/token-server.ts";

let host: Host;
let scratch: string;
const registries = {} as Record<"login" | "token", TestRegistry>;

beforeAll(async () => {
  host = await createHost();
  registries.login = await startRegistry({ auth: "htpasswd" });
  registries.token = await startRegistry({ auth: "token" });
});
afterAll(async () => {
  for (const registry of Object.values(registries)) await registry[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "minke-login-"));
  return async () => await rm(scratch, { recursive: true, force: true });
});

const authFile = (): string => join(scratch, ".config/containers/auth.json");

async function openService({ registriesDir }: TestRegistry, more: Record<string, string> = {}): Promise<ImageService> {
  const env = { HOME: scratch, PATH: `${scratch}:${process.env["PATH"]}`, ...more };
  const root = join(scratch, "store");
  return await createImageService({ host, root, log: noLog, clock: systemClock, registriesDir, env });
}

async function rejection(promise: Promise<unknown>): Promise<MinkeError> {
  return await promise.then(
    () => expect.fail("resolved"),
    (error: unknown) => error as MinkeError,
  );
}

describe.each(["login", "token"] as const)("a registry with %s", (kind) => {
  test("takes the right password, which is kept for this user only; logout forgets it", async () => {
    const registry = registries[kind];
    const service = await openService(registry);
    const target = `${registry.address}/team/mine:1`;
    await service.import(streamOf(await tarOf([{ name: "a", content: "b" }])), { name: "app" });
    expect((await rejection(service.push("app", { target }))).code).toBe("PermissionDenied");
    expect(await service.login(registry.address, USER)).toBe(authFile());
    expect(statSync(authFile()).mode & 0o777).toBe(0o600);
    expect(statSync(join(authFile(), "..")).mode & 0o777).toBe(0o700);
    expect(await service.push("app", { target })).toMatchObject({ name: target });
    expect(await service.pull(target)).toMatchObject({ repoTags: expect.arrayContaining([target]) });
    expect(await service.logout(registry.address)).toEqual([authFile()]);
    expect(await service.logout(registry.address)).toEqual([]);
    expect((await rejection(service.push("app", { target }))).code).toBe("PermissionDenied");
  });

  test("refuses the wrong one, of which nothing is kept or told", async () => {
    const registry = registries[kind];
    const service = await openService(registry);
    const login = { username: USER.username, password: "not-this-one" };
    const error = await rejection(service.login(registry.address, login));
    expect(error.code).toBe("PermissionDenied");
    expect(error.message).toContain(`Cannot log in to ${registry.address} as "${USER.username}"`);
    expect(JSON.stringify([error.message, error.details, String(error.cause)])).not.toContain("not-this-one");
    expect(readdirSync(scratch)).toEqual(["store"]);
  });
});

test("the rest of a file stays, and a broken one is not overwritten", async () => {
  const registry = registries.login;
  const service = await openService(registry);
  await mkdir(join(authFile(), ".."), { recursive: true });
  const other = { auth: Buffer.from("u:p").toString("base64") };
  await writeFile(authFile(), JSON.stringify({ auths: { "other.example": other }, credHelpers: { "x.example": "x" } }));
  await service.login(registry.address, USER);
  const auth = Buffer.from(`${USER.username}:${USER.password}`).toString("base64");
  expect(JSON.parse(await readFile(authFile(), "utf8"))).toEqual({
    auths: { "other.example": other, [registry.address]: { auth } },
    credHelpers: { "x.example": "x" },
  });
  await writeFile(authFile(), "{ half");
  expect((await rejection(service.login(registry.address, USER))).code).toBe("FailedPrecondition");
  expect(await readFile(authFile(), "utf8")).toBe("{ half");
});

test("a credential helper keeps the password where docker's file names one, and gets it on standard input", async () => {
  const registry = registries.login;
  const service = await openService(registry);
  const kept = join(scratch, "kept");
  const helper = [
    "#!/bin/sh",
    `echo "$*" >> ${scratch}/calls`,
    `case $1 in store) cat > ${kept};; get) cat ${kept} 2>/dev/null || { echo credentials not found; exit 1; };; erase) rm ${kept};; esac`,
  ].join("\n");
  await writeFile(join(scratch, "docker-credential-test"), helper);
  await chmod(join(scratch, "docker-credential-test"), 0o755);
  await mkdir(join(scratch, ".docker"));
  await writeFile(join(scratch, ".docker/config.json"), JSON.stringify({ credsStore: "test" }));
  expect(await service.login(registry.address, USER)).toBe("docker-credential-test");
  expect(JSON.parse(await readFile(kept, "utf8"))).toEqual({
    ServerURL: registry.address,
    Username: USER.username,
    Secret: USER.password,
  });
  const target = `${registry.address}/team/helped:1`;
  await service.import(streamOf(await tarOf([{ name: "a", content: "b" }])), { name: "app" });
  expect(await service.push("app", { target })).toMatchObject({ name: target });
  expect(await service.logout(registry.address)).toEqual(["docker-credential-test"]);
  expect(await readFile(join(scratch, "calls"), "utf8")).not.toContain(USER.password);
  expect(() => statSync(authFile())).toThrow("ENOENT");
});

test("what is no registry is refused", async () => {
  const service = await openService(registries.login);
  for (const text of ["", "name", "localhost", "a.example/team", "bad host:1"]) {
    expect((await rejection(service.login(text, USER))).message).toContain("write HOST or HOST:PORT");
  }
});

test("minke image login takes the password from standard input only, and shows it nowhere", async () => {
  const registry = registries.login;
  const file = join(scratch, "auth.json");
  vi.stubEnv("REGISTRY_AUTH_FILE", file);
  await using node = await startTestNode({
    args: ["--registries-dir", registry.registriesDir, "--log-level", "debug"],
  });
  vi.unstubAllEnvs();
  const login = ["image", "login", "-u", USER.username, registry.address];
  expect(await node.minke(login)).toMatchObject({ code: 2, stderr: expect.stringContaining("--password-stdin") });
  const { code, stdout } = await node.minke([...login, "--password-stdin"], `${USER.password}\n`);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `Logged in to ${registry.address}; kept in ${file}\n` });
  expect(readFileSync(file, "utf8")).toContain(registry.address);
  const wrong = await node.minke([...login, "--password-stdin"], "not-this-one\n");
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("Cannot log in to") });
  expect(node.log() + wrong.stderr).not.toMatch(`not-this-one|${USER.password}`);
  expect((await node.minke(["image", "logout", registry.address])).stdout).toBe(`Removed from ${file}\n`);
  expect((await node.minke(["image", "logout", registry.address])).stderr).toContain("was not logged in");
});
