/** Registries that break, lie or attack: each is refused with its reason, nothing is half visible, the disk is given back. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { type Clock, systemClock } from "../../src/base/clock.ts";
import type { MinkeError } from "../../src/base/errors.ts";
import { noLog } from "../../src/base/logger.ts";
import { createHost } from "../../src/host/create-host.ts";
import type { Host } from "../../src/host/host.ts";
import { MEDIA_TYPES, digestOf } from "../../src/oci/image-format.ts";
import type { ImageService } from "../../src/runtime/image.ts";
import { createImageService } from "../../src/runtime/image/create-image-service.ts";
import { tarOf } from "../fixtures/layer-tar.ts";
import { removeFolder } from "../fixtures/remove-folder.ts";
import { type ScriptedRegistry, startScriptedRegistry } from "../fixtures/scripted-registry.ts";

/** Waits of seconds take milliseconds here. */
const HASTE = 200;
const hasty: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * HASTE,
  timer: (delayMs, fire, options) => systemClock.timer(delayMs / HASTE, fire, options),
};

let host: Host;
let scratch: string;
let registry: ScriptedRegistry;
let images: ImageService;
let tar: Buffer;
let other: Buffer;

beforeAll(async () => {
  host = await createHost();
  tar = await tarOf([{ name: "big", content: randomBytes(3_000_000) }]);
  other = await tarOf([{ name: "small", content: "x" }]);
});
afterAll(async () => await host[Symbol.asyncDispose]());
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "minke-hostile-"));
  registry = await startScriptedRegistry();
  images = await openService();
});
afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await removeFolder(scratch);
});

async function openService(root = join(scratch, "root"), clock: Clock = hasty): Promise<ImageService> {
  const registriesDir = join(scratch, "certs.d");
  return await createImageService({ host, root, log: noLog, clock, registriesDir, env: { HOME: scratch } });
}

const app = (tag = "1"): string => `${registry.address}/app:${tag}`;
const isBlob = (path: string | undefined, digest: string): boolean => path?.includes(`/blobs/${digest}`) === true;

async function rejection(promise: Promise<unknown>): Promise<MinkeError> {
  return await promise.then(
    () => expect.fail("resolved"),
    (error: unknown) => error as MinkeError,
  );
}

/** Files of the store that are more than its own. */
async function left(root = join(scratch, "root")): Promise<{ readonly whole: number; readonly partial: number }> {
  const count = async (folder: string): Promise<number> => (await readdir(join(root, folder))).length;
  const layers = (await readdir(join(root, "layers"))).filter((name) => name.length === 64).length;
  const whole =
    layers + (await count("images/blobs/sha256")) + (await count("images/tmp")) + (await count("layers/tmp"));
  return { whole, partial: await count("images/partial") };
}

describe("content that is not what was promised", () => {
  test.each<[string, (digest: string) => ScriptedRegistry["script"], RegExp]>([
    ["wrong bytes", () => serve((blob) => Buffer.from(blob).fill(1, 1_000_000, 1_000_100)), /digest/],
    [
      "more bytes than promised",
      () => serve((blob) => Buffer.concat([blob, blob])),
      /the registry's answer is another/,
    ],
    ["fewer bytes than promised", () => serve((blob) => blob.subarray(1)), /the registry's answer is another/],
    ["endless bytes of no promised length", () => endless, /it has more/],
  ])("%s", async (_what, script, why) => {
    const [digest, good] = registry.image("1", [tar, other]);
    registry.script = (request, response) => isBlob(request.url, digest!) && script(digest!)(request, response);
    const error = await rejection(images.pull(app()));
    expect(error.message).toMatch(why);
    expect([error.reason, error.details["image"]]).toEqual(["ErrImagePull", app()]);
    expect(await images.list()).toEqual([]);
    expect(await left()).toEqual({ whole: 0, partial: 0 });
    registry.script = () => false;
    expect((await images.pull(app())).diffIds).toEqual([digestOf(tar), good]);
  });

  const serve =
    (change: (blob: Buffer) => Buffer): ScriptedRegistry["script"] =>
    (_request, response) => {
      response.end(change(tar));
      return true;
    };
  const endless: ScriptedRegistry["script"] = (_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on("drain", more);
    more();
    return true;
  };

  test("a layer that unpacks to another tar than the configuration says", async () => {
    registry.image("1", [other], [gzipSync(tar)]);
    expect((await rejection(images.pull(app()))).message).toMatch(/uncompressed layer has digest/);
    expect(await left()).toEqual({ whole: 0, partial: 0 });
  });

  test("a layer that would write outside, and one with a name that is no name", async () => {
    registry.image("1", [other, await tarOf([{ name: "../../victim", content: "x" }])]);
    expect((await rejection(images.pull(app()))).message).toContain('its name has ".."');
    expect(await left()).toEqual({ whole: 0, partial: 0 });
  });

  test("a manifest with another digest than its own, an artifact, an index that is a manifest too, one without an end", async () => {
    registry.image("1", [other]);
    const cases: readonly [unknown, RegExp][] = [
      [
        { schemaVersion: 2, config: { mediaType: "application/vnd.cncf.helm.config.v1+json" }, layers: [] },
        /artifact of type .*helm/,
      ],
      [{ schemaVersion: 2, manifests: [], layers: [] }, /both an index and a manifest/],
      [{ schemaVersion: 1, fsLayers: [] }, /schema 1/],
      ["text", /no JSON object/],
      [{ schemaVersion: 2, layers: "none" }, /"layers" is no list/],
    ];
    for (const [document, why] of cases) {
      registry.tag("2", Buffer.from(JSON.stringify(document)));
      expect((await rejection(images.pull(app("2")))).message).toMatch(why);
    }
    let inner = registry.tag("3", Buffer.from("{}"));
    let size = 2;
    for (let depth = 0; depth < 6; depth++) {
      const platform = { os: "linux", architecture: "amd64" };
      const data = Buffer.from(
        JSON.stringify({ manifests: [{ mediaType: MEDIA_TYPES.index, digest: inner, size, platform }] }),
      );
      inner = registry.tag("3", data, MEDIA_TYPES.index);
      size = data.length;
    }
    expect((await rejection(images.pull(app("3")))).message).toMatch(/nested more than 4 deep/);
    registry.script = (request, response) => {
      const isOne = request.method === "GET" && request.url?.endsWith("/manifests/1") === true;
      if (isOne) response.writeHead(200, { "docker-content-digest": digestOf("x") }).end("{}");
      return isOne;
    };
    expect((await rejection(images.pull(app()))).message).toMatch(/gave content with digest/);
    expect(await left()).toEqual({ whole: 0, partial: 0 });
  });
});

describe("connections", () => {
  test("that break are gone on with, by range; a registry that knows no ranges starts anew", async () => {
    for (const knowsRanges of [true, false]) {
      const [digest] = registry.image("1", [tar]);
      let breaks = 3;
      registry.script = (request, response) => {
        if (!isBlob(request.url, digest!)) return false;
        if (!knowsRanges) delete request.headers.range;
        if (breaks-- <= 0) return false;
        const from = Number(/\d+/.exec(request.headers.range ?? "0")![0]);
        response.writeHead(from > 0 ? 206 : 200, {
          "content-length": tar.length - from,
          ...(from > 0 ? { "content-range": `bytes ${from}-${tar.length - 1}/${tar.length}` } : {}),
        });
        const part = tar.subarray(from, from + 500_000 * (3 - breaks));
        response.write(part, () => setTimeout(() => response.destroy(), 20));
        return true;
      };
      const image = await images.pull(app());
      expect(image.diffIds).toEqual([digestOf(tar)]);
      await images.remove(image.id);
    }
    expect(registry.requests.filter(({ headers }) => headers.range !== undefined).length).toBeGreaterThanOrEqual(3);
  });

  test("that stall are given up, and what came is kept for the next pull, also in another process", async () => {
    const [digest] = registry.image("1", [tar]);
    registry.script = (request, response) => {
      if (!isBlob(request.url, digest!)) return false;
      const from = Number(/\d+/.exec(request.headers.range ?? "0")![0]);
      if (from > 0) return true; // says nothing at all
      response.writeHead(200, { "content-length": tar.length });
      response.write(tar.subarray(0, 1_000_000));
      return true;
    };
    const error = await rejection(images.pull(app()));
    expect([error.code, error.reason]).toEqual(["Unavailable", "RegistryUnavailable"]);
    expect(await images.list()).toEqual([]);
    expect(await left()).toEqual({ whole: 0, partial: 1 });
    registry.script = () => false;
    const before = registry.requests.length;
    images = await openService();
    expect((await images.pull(app())).diffIds).toEqual([digestOf(tar)]);
    const ranges = registry.requests
      .slice(before)
      .flatMap(({ path, headers }) => (isBlob(path, digest!) ? [headers.range] : []));
    expect(ranges).toEqual(["bytes=1000000-"]);
    expect((await left()).partial).toBe(0);
  });

  test("429 and 5xx are waited out, as long as Retry-After asks; others are not", async () => {
    registry.image("1", [other]);
    const answers = [503, 429, 500];
    registry.script = (_request, response) => {
      const status = answers.shift();
      if (status !== undefined) response.writeHead(status, { "retry-after": "1" }).end();
      return status !== undefined;
    };
    expect((await images.pull(app())).repoTags).toEqual([app()]);
    registry.script = (_request, response) => {
      response.writeHead(503).end('{"errors":[{"message":"down for maintenance"}]}');
      return true;
    };
    const error = await rejection(images.pull(app("2")));
    expect([error.code, error.reason]).toEqual(["Unavailable", "RegistryUnavailable"]);
    expect(error.message).toContain("503: down for maintenance");
  });

  test("redirects carry no credentials to another host", async () => {
    await using elsewhere = await startScriptedRegistry();
    const [digest] = registry.image("1", [tar]);
    elsewhere.put(tar);
    registry.script = (request, response) => {
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
        return true;
      }
      if (!isBlob(request.url, digest!)) return false;
      response.writeHead(307, { location: `http://${elsewhere.address}${request.url}` }).end();
      return true;
    };
    await images.pull(app(), { auth: [{ username: "u", password: "secret" }] });
    expect(elsewhere.requests).toHaveLength(1);
    expect(elsewhere.requests[0]!.headers.authorization).toBeUndefined();
    registry.script = (_request, response) => {
      response.writeHead(302, { location: "file:///etc/passwd" }).end();
      return true;
    };
    expect((await rejection(images.pull(app("2")))).message).toContain("which is not followed");
  });

  test("a mirror's wrong content is refused, and the registry's own taken", async () => {
    await using mirror = await startScriptedRegistry();
    const [digest] = registry.image("1", [tar]);
    mirror.image("1", [tar]);
    mirror.script = (request, response) => {
      if (isBlob(request.url, digest!)) response.end(Buffer.alloc(tar.length));
      return isBlob(request.url, digest!);
    };
    const folder = join(scratch, "certs.d/registry.example");
    await mkdir(folder, { recursive: true });
    await writeFile(
      join(folder, "hosts.toml"),
      `server = "http://${registry.address}"\n[host."http://${mirror.address}"]\n`,
    );
    expect((await images.pull("registry.example/app:1")).repoTags).toEqual(["registry.example/app:1"]);
    expect(mirror.requests.some(({ path }) => isBlob(path, digest!))).toBe(true);
  });
});

test("a full disk in the middle of a pull: a clean failure, and success once there is room", async () => {
  const disk = join(scratch, "disk");
  await mkdir(disk);
  const run = promisify(execFile);
  await run("mount", ["-t", "tmpfs", "-o", "size=5m", "tmpfs", disk]);
  try {
    images = await openService(join(disk, "root"));
    registry.image("1", [other, tar]);
    const error = await rejection(images.pull(app()));
    expect(error.message).toContain("disk is full");
    expect(error.code).toBe("ResourceExhausted");
    expect(await left(join(disk, "root"))).toEqual({ whole: 0, partial: 0 });
    await run("mount", ["-o", "remount,size=30m", disk]);
    expect((await images.pull(app())).repoTags).toEqual([app()]);
  } finally {
    await run("umount", ["-l", disk]);
  }
});

test("a pull of an image that shares all layers but one asks for that one only", async () => {
  registry.image("1", [other, tar]);
  const third = await tarOf([{ name: "third" }]);
  const [, , digest] = registry.image("2", [other, tar, third]);
  await images.pull(app("1"));
  const before = registry.requests.length;
  await images.pull(app("2"));
  const layers = registry.requests.slice(before).filter(({ path }) => path.includes("/blobs/"));
  expect(layers).toHaveLength(2); // and the configuration
  expect(layers.some(({ path }) => isBlob(path, digest!))).toBe(true);
});
