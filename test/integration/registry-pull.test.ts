/** Pulling from a real registry: Debian's docker-registry with TLS, filled by skopeo. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { systemClock } from "../../src/base/clock.ts";
import type { MinkeError } from "../../src/base/errors.ts";
import { noLog } from "../../src/base/logger.ts";
import { createHost } from "../../src/host/create-host.ts";
import type { Host } from "../../src/host/host.ts";
import type { ImageService } from "../../src/runtime/image.ts";
import { createImageService } from "../../src/runtime/image/create-image-service.ts";
import { streamOf, tarOf } from "../fixtures/layer-tar.ts";
import { type TestRegistry, skopeoFlags, startRegistry } from "../fixtures/registry.ts";
import { removeFolder } from "../fixtures/remove-folder.ts";
import { IDENTITY_TOKEN, USER } from "../fixtures/token-server.ts";

const run = promisify(execFile);
let host: Host;
let scratch: string;
let service: ImageService;
const registries = {} as Record<"open" | "login" | "token", TestRegistry>;

beforeAll(async () => {
  host = await createHost();
  scratch = await mkdtemp(join(tmpdir(), "minke-pull-"));
  registries.open = await startRegistry();
  registries.login = await startRegistry({ auth: "htpasswd" });
  registries.token = await startRegistry({ auth: "token" });
  const source = await openService("source", registries.open);
  await source.import(streamOf(await tarOf([{ name: "hello", content: "world" }])), { name: "app", cmd: ["/hello"] });
  await writeFile(join(scratch, "x"), "");
  await pipeline(source.save("app", "oci-archive"), createWriteStream(join(scratch, "app.tar")));
  await push(registries.open, "team/app:1");
  await push(registries.login, "team/app:1", USER);
  await push(registries.token, "team/app:1", USER);
  await push(registries.token, "public/app:1", USER);
});
afterAll(async () => {
  for (const registry of Object.values(registries)) await registry[Symbol.asyncDispose]();
  await removeFolder(scratch);
  await host[Symbol.asyncDispose]();
});
beforeEach(async () => (service = await openService("store", registries.open)));
afterEach(async () => await removeFolder(join(scratch, "store")));

async function openService(
  name: string,
  registry: TestRegistry,
  env: Record<string, string> = {},
): Promise<ImageService> {
  const { registriesDir } = registry;
  const settings = { HOME: join(scratch, "nobody"), ...env };
  return await createImageService({
    host,
    root: join(scratch, name),
    log: noLog,
    clock: systemClock,
    registriesDir,
    env: settings,
  });
}

async function push(registry: TestRegistry, name: string, user?: typeof USER, ...more: string[]): Promise<void> {
  const target = `docker://${registry.address}/${name}`;
  await run("skopeo", [
    "copy",
    ...more,
    ...skopeoFlags(registry, "dest", user),
    `oci-archive:${join(scratch, "app.tar")}`,
    target,
  ]);
}

/** The digest that skopeo sees. */
async function remoteDigest(registry: TestRegistry, name: string, user?: typeof USER): Promise<string> {
  const flags = user ? [`--creds=${user.username}:${user.password}`] : [];
  const { stdout } = await run("skopeo", [
    "inspect",
    "--tls-verify=false",
    ...flags,
    "--format={{.Digest}}",
    `docker://${registry.address}/${name}`,
  ]);
  return stdout.trim();
}

async function rejection(promise: Promise<unknown>): Promise<MinkeError> {
  return await promise.then(
    () => expect.fail("resolved"),
    (error: unknown) => error as MinkeError,
  );
}

describe("a pull", () => {
  test("by tag gives the image its name, and the digest that the tag named", async () => {
    const { address } = registries.open;
    const image = await service.pull(`${address}/team/app:1`);
    const digest = await remoteDigest(registries.open, "team/app:1");
    expect(image.repoTags).toEqual([`${address}/team/app:1`]);
    expect(image.repoDigests).toEqual([`${address}/team/app@${digest}`]);
    expect(image.config.cmd).toEqual(["/hello"]);
    const [lower] = await service.layers(image.id);
    expect(await readFile(join(lower!, "hello"), "utf8")).toBe("world");
    expect(await service.pull(`${address}/team/app:1`)).toEqual(image);
  });

  test("by digest gives it no tag; the same content under more names is one image", async () => {
    const { address } = registries.open;
    const digest = await remoteDigest(registries.open, "team/app:1");
    const image = await service.pull(`${address}/team/app@${digest}`);
    expect([image.repoTags, image.repoDigests]).toEqual([[], [`${address}/team/app@${digest}`]]);
    const tagged = await service.pull(`${address}/team/app:1`);
    expect(tagged.id).toBe(image.id);
    expect(await service.list()).toHaveLength(1);
    await service.remove(image.id);
    expect(await service.list()).toEqual([]);
  });

  test("with tokens: anonymously what is public, by password or identity token what is not", async () => {
    service = await openService("store", registries.token);
    const { address, tokens } = registries.token;
    expect((await service.pull(`${address}/public/app:1`)).repoTags).toHaveLength(1);
    const denied = await rejection(service.pull(`${address}/team/app:1`));
    expect([denied.code, denied.reason]).toEqual(["PermissionDenied", "ErrImagePull"]);
    expect(denied.message).toContain("minke image login");
    const wrong = await rejection(
      service.pull(`${address}/team/app:1`, { auth: [{ username: "tess", password: "no" }] }),
    );
    expect(wrong.message).toContain("wrong password");
    expect(wrong.message).not.toContain("no:");
    await service.pull(`${address}/team/app:1`, { auth: [{ username: "tess", password: "no" }, USER] });
    await service.remove(`${address}/team/app:1`);
    await service.pull(`${address}/team/app:1`, { auth: [{ identityToken: IDENTITY_TOKEN }] });
    expect(tokens!.issued).toContain("anonymous pull public/app");
    expect(tokens!.issued).toContain("tess pull team/app");
  });

  test("with the node's own credentials: docker's config.json, podman's auth.json, a credential helper", async () => {
    const { address } = registries.login;
    const home = join(scratch, "home");
    await mkdir(join(home, ".docker"), { recursive: true });
    await mkdir(join(home, ".config/containers"), { recursive: true });
    await mkdir(join(home, "bin"), { recursive: true });
    const auth = Buffer.from(`${USER.username}:${USER.password}`).toString("base64");
    const helper = `#!/bin/sh\nread server\n[ "$1 $server" = "get ${address}" ] || { echo "credentials not found"; exit 1; }\necho '${JSON.stringify({ Username: USER.username, Secret: USER.password })}'\n`;
    await writeFile(join(home, "bin/docker-credential-test"), helper, { mode: 0o755 });
    const files = [
      [".docker/config.json", { auths: { [address]: { auth } } }],
      [".config/containers/auth.json", { auths: { [`${address}/team`]: { auth } } }],
      [".docker/config.json", { credHelpers: { [address]: "test" } }],
      [".docker/config.json", { auths: { [address]: {} }, credsStore: "test" }],
    ] as const;
    for (const [file, content] of files) {
      service = await openService("store", registries.login, {
        HOME: home,
        PATH: `${join(home, "bin")}:${process.env["PATH"]}`,
      });
      const denied = await rejection(service.pull(`${address}/team/app:1`));
      expect(denied.code).toBe("PermissionDenied");
      await writeFile(join(home, file), JSON.stringify(content));
      expect((await service.pull(`${address}/team/app:1`)).repoTags).toEqual([`${address}/team/app:1`]);
      await rm(join(home, file));
      // The service may still be syncing the layer behind our back.
      await removeFolder(join(scratch, "store"));
    }
  });

  test("says what is wrong: no such tag, no such registry, a certificate that nobody vouches for", async () => {
    const { address } = registries.open;
    const missing = await rejection(service.pull(`${address}/team/app:2`));
    expect([missing.code, missing.reason]).toEqual(["NotFound", "ErrImagePull"]);
    expect(missing.message).toContain(`${address}/team/app:2`);
    await mkdir(join(scratch, "strict/_default"), { recursive: true });
    await writeFile(join(scratch, "strict/_default/hosts.toml"), "skip_verify = false\n");
    const strict = await openService("store", { ...registries.open, registriesDir: join(scratch, "strict") });
    const untrusted = await rejection(strict.pull(`${address}/team/app:1`));
    expect([untrusted.code, untrusted.reason]).toEqual(["FailedPrecondition", "ErrImagePull"]);
    expect(untrusted.message).toContain("hosts.toml");
    expect((await strict.pull(`${address}/team/app:1`, { verifyTls: false })).repoTags).toHaveLength(1);
    expect(await readdir(join(scratch, "store/images/tmp"))).toEqual([]);
  });
});

describe("many who ask", () => {
  test("share one pull, which ends with the last of them; the next one works", async () => {
    const name = `${registries.open.address}/team/app:1`;
    const before = registries.open.log().length;
    const images = await Promise.all(Array.from({ length: 5 }, () => service.pull(name)));
    expect(new Set(images.map(({ id }) => id)).size).toBe(1);
    const blobs =
      registries.open
        .log()
        .slice(before)
        .match(/GET \/v2\/team\/app\/blobs[^"]*" [^\n]*200/g) ?? [];
    expect(new Set(blobs).size).toBe(blobs.length);
    await service.remove(images[0]!.id);

    const given = new AbortController();
    const first = service.pull(name, { signal: given.signal });
    const second = service.pull(name);
    given.abort(new Error("no longer wanted"));
    await expect(first).rejects.toThrow("no longer wanted");
    await service.remove((await second).id);

    for (const waitMs of [0, 5, 20, 50]) {
      const signal = AbortSignal.timeout(waitMs);
      await service.pull(name, { signal }).then(
        async ({ id }) => await service.remove(id),
        (error: unknown) => expect(error).toBe(signal.reason),
      );
    }
    expect((await service.pull(name)).repoTags).toEqual([name]);
  });
});

describe("mirrors", () => {
  test("serve the requested name; the registry itself is not asked", async () => {
    const { address } = registries.open;
    const dir = join(scratch, "mirrors");
    await mkdir(join(dir, "registry.example"), { recursive: true });
    await writeFile(
      join(dir, "registry.example/hosts.toml"),
      `server = "https://127.0.0.1:1"\n[host."https://${address}"]\n  capabilities = ["pull", "resolve"]\n  ca = "${registries.open.authority.cert}"\n` +
        `[host."https://${address}".rewrite]\n"^proxied/(.*)" = "team/$1"\n`,
    );
    service = await openService("store", { ...registries.open, registriesDir: dir });
    const image = await service.pull("registry.example/team/app:1");
    expect(image.repoTags).toEqual(["registry.example/team/app:1"]);
    expect((await service.pull("registry.example/proxied/app:1")).repoTags).toHaveLength(2);
    expect(registries.open.log()).toContain("ns=registry.example");
  });
});
