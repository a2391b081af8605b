/** Pushing to a real registry: Debian's docker-registry with TLS; what skopeo reads back is what was sent. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "vitest";

import { systemClock } from "../../src/base/clock.ts";
import type { MinkeError } from "../../src/base/errors.ts";
import { noLog } from "../../src/base/logger.ts";
import { createHost } from "../../src/host/create-host.ts";
import type { Host } from "../../src/host/host.ts";
import { digestOf } from "../../src/oci/image-format.ts";
import type { Image, ImageProgress, ImageService } from "../../src/runtime/image.ts";
import { createImageService } from "../../src/runtime/image/create-image-service.ts";
import { streamOf, tarOf } from "../fixtures/layer-tar.ts";
import { startScriptedRegistry } from "../fixtures/scripted-registry.ts";
import { type TestRegistry, startRegistry } from "../fixtures/registry.ts";
import { removeFolder } from "../fixtures/remove-folder.ts";
import { USER } from "../fixtures/token-server.ts";

const run = promisify(execFile);
let host: Host;
let scratch: string;
const registries = {} as Record<"open" | "login" | "token", TestRegistry>;

beforeAll(async () => {
  host = await createHost();
  scratch = await mkdtemp(join(tmpdir(), "minke-push-"));
  registries.open = await startRegistry();
  registries.login = await startRegistry({ auth: "htpasswd" });
  registries.token = await startRegistry({ auth: "token" });
});
afterAll(async () => {
  for (const registry of Object.values(registries)) await registry[Symbol.asyncDispose]();
  await removeFolder(scratch);
  await host[Symbol.asyncDispose]();
});

/** A store of its own with one image, `localhost/app`, of content that no registry has. */
async function serviceWithApp(
  registry: TestRegistry,
): Promise<{ readonly service: ImageService; readonly app: Image; readonly root: string }> {
  const { registriesDir } = registry;
  const root = await mkdtemp(join(scratch, "store-"));
  const env = { HOME: join(scratch, "nobody") };
  const service = await createImageService({ host, root, log: noLog, clock: systemClock, registriesDir, env });
  const tar = await tarOf([{ name: "hello", content: randomBytes(3_000_000).toString("hex") }]);
  return { service, app: await service.import(streamOf(tar), { name: "app", cmd: ["/hello"] }), root };
}

/** The manifest as skopeo reads it, and a copy of everything, which checks every digest. */
async function readBack(name: string, user?: typeof USER): Promise<{ readonly Digest: string }> {
  const login = user ? [`${user.username}:${user.password}`] : [];
  const flags = ["--tls-verify=false", ...login.map((text) => `--creds=${text}`)];
  const { stdout } = await run("skopeo", ["inspect", ...flags, `docker://${name}`]);
  const target = await mkdtemp(join(scratch, "copy-"));
  const copyFlags = ["--src-tls-verify=false", ...login.map((text) => `--src-creds=${text}`)];
  await run("skopeo", ["copy", ...copyFlags, `docker://${name}`, `dir:${target}`]);
  return JSON.parse(stdout) as { readonly Digest: string };
}

async function rejection(promise: Promise<unknown>): Promise<MinkeError> {
  return await promise.then(
    () => expect.fail("resolved"),
    (error: unknown) => error as MinkeError,
  );
}

test("what is pushed has the same digests, to skopeo and to the next pull", async () => {
  const { service, app } = await serviceWithApp(registries.open);
  const name = `${registries.open.address}/team/web:1`;
  const steps: ImageProgress[] = [];
  const pushed = await service.push("app", { target: name, onProgress: (step) => steps.push(step) });
  expect(pushed).toEqual({ name, digest: app.manifestDigest });
  expect((await readBack(name)).Digest).toBe(app.manifestDigest);
  expect(steps.map(({ message }) => message)).toContain(`Writing ${name}`);
  expect(steps.findLast(({ layers }) => layers)?.layers).toMatchObject([{ state: "done" }]);
  const { service: other } = await serviceWithApp(registries.open);
  expect((await other.pull(name)).id).toBe(app.id);
});

test("sends a blob once: the second push only looks, another repository takes it from the first", async () => {
  const registry = registries.open;
  const { service, app } = await serviceWithApp(registry);
  const name = `${registry.address}/team/once:1`;
  await service.push("app", { target: name });
  await service.pull(name);
  const sent = (since: number): readonly string[] =>
    registry
      .log()
      .slice(since)
      .match(/http.request.method=PUT [^\n]*uri="[^"]*blobs\/uploads[^"]*"/g) ?? [];
  let mark = registry.log().length;
  const steps: ImageProgress[] = [];
  await service.push(name, { onProgress: (step) => steps.push(step) });
  expect(steps.findLast(({ layers }) => layers)?.layers).toMatchObject([{ state: "present" }]);
  expect(sent(mark)).toEqual([]);
  mark = registry.log().length;
  const target = `${registry.address}/other/once:2`;
  await service.push(name, { target });
  expect(sent(mark)).toEqual([]);
  expect((await readBack(target)).Digest).toBe(app.manifestDigest);
});

test.each(["login", "token"] as const)("needs the rights of a %s registry, which are tried in turn", async (kind) => {
  const { service, app } = await serviceWithApp(registries[kind]);
  const target = `${registries[kind].address}/team/mine:1`;
  const refused = await rejection(service.push("app", { target }));
  expect(refused.code).toBe("PermissionDenied");
  expect(refused.message).toContain(`Cannot push image "app" to ${target}`);
  const auth = [{ username: "wrong", password: "topsecret" }];
  expect((await rejection(service.push("app", { target, auth }))).message).not.toContain("topsecret");
  await service.push("app", { target, auth: [...auth, USER] });
  expect((await readBack(target, USER)).Digest).toBe(app.manifestDigest);
});

test("says which names have no registry, and which images are not there", async () => {
  const { service, app } = await serviceWithApp(registries.open);
  for (const name of ["app", "localhost/app", app.id]) {
    expect((await rejection(service.push(name))).message).toContain("say REGISTRY/PATH:TAG behind it");
  }
  expect((await rejection(service.push("absent", { target: "localhost:1/a" }))).code).toBe("NotFound");
});

test.each([
  ["names their least length", { least: 5_000_000, most: Infinity }, 5_000_000],
  ["takes no larger request", { least: 0, most: 4 * 1024 * 1024 }, 4 * 1024 * 1024],
])("sends parts to a registry that %s", async (_which, { least, most }, partBytes) => {
  await using registry = await startScriptedRegistry();
  const uploads: Buffer[][] = [];
  const stored = new Map<string, readonly number[]>();
  registry.script = (request, response) => {
    const { method, url = "", headers } = request;
    if (method === "GET" || method === "HEAD") return false;
    const { pathname, searchParams } = new URL(url, "http://localhost");
    const [, id = "", part = ""] = /uploads\/(\d+)-(\d+)$/.exec(pathname) ?? [];
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      const parts = method === "POST" ? [] : (uploads[Number(id)] ?? []);
      const next = (upload: number): Record<string, string> => ({
        location: `/v2/app/blobs/uploads/${upload}-${parts.length}`,
        ...(least > 0 ? { "oci-chunk-min-length": String(least) } : {}),
      });
      if (pathname.includes("/manifests/")) response.writeHead(201).end();
      else if (method === "POST") response.writeHead(202, next(uploads.push(parts) - 1)).end();
      else if (body.length > most) response.writeHead(413).end();
      else if (method === "PATCH") {
        const from = parts.reduce((sum, { length }) => sum + length, 0);
        expect([part, headers["content-range"]]).toEqual([`${parts.length}`, `${from}-${from + body.length - 1}`]);
        parts.push(body);
        response.writeHead(202, next(Number(id))).end();
      } else {
        const whole = Buffer.concat([...parts, body]);
        expect(searchParams.get("digest")).toBe(digestOf(whole));
        stored.set(
          digestOf(whole),
          parts.map(({ length }) => length),
        );
        response.writeHead(201).end();
      }
    });
    return true;
  };
  const { service } = await serviceWithApp(registries.open);
  await service.push("app", { target: `${registry.address}/app:1` });
  const [sizes] = [...stored.values()].toSorted((x, y) => y.length - x.length);
  expect(sizes).toEqual([partBytes, expect.any(Number)]);
  expect(stored.size).toBe(2);
});

test("never sends a damaged blob as if it were whole", async () => {
  const { service, app, root } = await serviceWithApp(registries.open);
  const target = `${registries.open.address}/team/damaged:1`;
  const { stdout } = await run("find", [join(root, "images/blobs"), "-size", "+1M"]);
  await truncate(stdout.trim(), 1_000_000);
  await rejection(service.push("app", { target }));
  expect((await rejection(service.pull(target))).code).toBe("NotFound");
  expect(app.diffIds).toHaveLength(1);
});

test("ends at once when its asker goes, and the next push succeeds", async () => {
  const { service, app } = await serviceWithApp(registries.open);
  const target = `${registries.open.address}/team/again:1`;
  const leave = new AbortController();
  const onProgress = ({ layers }: ImageProgress): void => {
    if (layers?.some(({ state }) => state === "pushing")) leave.abort(new Error("gone"));
  };
  expect((await rejection(service.push("app", { target, signal: leave.signal, onProgress }))).message).toBe("gone");
  await service.push("app", { target });
  expect((await readBack(target)).Digest).toBe(app.manifestDigest);
});
