/** The image store on a real disk, with the real tar: fidelity, hostile input, archives exchanged with skopeo, damage. */
import { execFile } from "node:child_process";
import { createReadStream, createWriteStream } from "node:fs";
import { lstat, mkdir, mkdtemp, open, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { gzipSync, zstdCompressSync } from "node:zlib";

import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test, vi } from "vitest";

import { systemClock } from "../../src/base/clock.ts";
import type { MinkeError } from "../../src/base/errors.ts";
import { noLog } from "../../src/base/logger.ts";
import { createHost } from "../../src/host/create-host.ts";
import type { Host } from "../../src/host/host.ts";
import { digestOf } from "../../src/oci/image-format.ts";
import { unpackLayer } from "../../src/oci/layers.ts";
import { createImageService } from "../../src/runtime/image/create-image-service.ts";
import type { ArchiveFormat, ImageService } from "../../src/runtime/image.ts";
import { type Entry, streamOf, tarOf } from "../fixtures/layer-tar.ts";
import { removeFolder } from "../fixtures/remove-folder.ts";

const run = promisify(execFile);
let host: Host;
let scratch: string;
let root: string;
let images: ImageService;

beforeAll(async () => void (host = await createHost()));
afterAll(async () => await host[Symbol.asyncDispose]());
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "minke-images-"));
  root = join(scratch, "root");
  images = await openService();
});
afterEach(async () => await removeFolder(scratch));

async function openService(): Promise<ImageService> {
  return await createImageService({ host, root, log: noLog, clock: systemClock, registriesDir: join(root, "none") });
}

async function importTar(entries: readonly Entry[], name: string): Promise<string> {
  return (await images.import(streamOf(await tarOf(entries)), { name })).id;
}

async function rejection(promise: Promise<unknown>): Promise<MinkeError> {
  return await promise.then(
    () => expect.fail("resolved"),
    (error: unknown) => error as MinkeError,
  );
}

/** What the store holds: nothing may be left of a failed operation. */
async function stored(): Promise<{ blobs: number; layers: number; temporary: number }> {
  const blobs = (await readdir(join(root, "images/blobs/sha256"))).length;
  const layers = (await readdir(join(root, "layers"))).filter((name) => name.length === 64).length;
  const incoming = await readdir(join(root, "images/tmp"));
  const unpacking = await readdir(join(root, "layers/tmp"));
  return { blobs, layers, temporary: incoming.length + unpacking.length };
}

const NOTHING = { blobs: 0, layers: 0, temporary: 0 };

describe("a layer, unpacked", () => {
  test("keeps owners, modes, times, links, devices, fifos and extended attributes", async () => {
    // cap_setuid+ep: bytes above 0x7f, which a detour through UTF-8 would spoil.
    const capability = Buffer.from("0100000280000000000000000000000000000000", "hex");
    const source = join(scratch, "source");
    await mkdir(join(source, "bin"), { recursive: true });
    await writeFile(join(source, "bin/su"), "x");
    await run("bash", [
      "-c",
      `cd ${source} && chmod 4755 bin/su && chown 12:3000000 bin/su && ln bin/su bin/hard && ln -s ../nowhere bin/soft &&
       mkfifo -m 622 pipe && mknod null c 1 3 && mkdir -m 1777 tmp && true &&
       touch -d '2001-02-03 04:05:06.789' bin/su && chown -h 7:8 bin/soft && printf x > "$(printf 'caf\\351')" &&
       d=${"a".repeat(90)} && mkdir -p $d/$d && touch $d/$d/deep && touch -d @1000 $d/$d $d tmp bin`,
    ]);
    await setAttributes(join(source, "bin/su"), {
      "security.capability": capability,
      "user.note": Buffer.from("hello"),
    });
    const tar = join(scratch, "source.tar");
    await run("tar", ["-cf", tar, "--xattrs", "--xattrs-include=*", "--format=pax", "-C", source, "."]);
    const { id } = await images.import(createReadStream(tar), { name: "a" });
    const [lower] = await images.layers(id);
    const listing = async (folder: string): Promise<string> =>
      (
        await run("bash", ["-c", `cd ${folder} && find . -printf '%P %y %m %U %G %n %T@ %l\\n' | LC_ALL=C sort`], {
          encoding: "latin1",
        })
      ).stdout;
    expect(await listing(lower!)).toBe(await listing(source));
    expect(await attributes(join(lower!, "bin/su"))).toEqual(await attributes(join(source, "bin/su")));
    expect((await stat(join(lower!, "null"))).rdev).toBe((1 << 8) | 3);
  });

  test("hides what its whiteouts name, below an overlay", async () => {
    const lowerId = await importTar(
      [
        { name: "keep" },
        { name: "gone" },
        { name: "dir/" },
        { name: "dir/old" },
        { name: "again/" },
        { name: "again/old" },
        { name: "etc/" },
        { name: "etc/a" },
      ],
      "lower",
    );
    const upperId = await importTar(
      [
        { name: ".wh.gone" },
        { name: "dir/", mode: 0o700, uid: 5 },
        { name: "dir/.wh..wh..opq" },
        { name: "dir/new" },
        { name: ".wh.again" },
        { name: "again/" },
        { name: "again/new" },
        { name: "etc/.wh.a" },
      ],
      "upper",
    );
    const lower = [...(await images.layers(upperId)), ...(await images.layers(lowerId))];
    const target = join(scratch, "merged");
    for (const name of ["merged", "up", "work"]) await mkdir(join(scratch, name));
    await host.mount.overlay({ lower, upper: join(scratch, "up"), work: join(scratch, "work"), target });
    try {
      const { stdout } = await run("bash", ["-c", `cd ${target} && find . -mindepth 1 | sort`]);
      expect(stdout.trim().split("\n")).toEqual(["./again", "./again/new", "./dir", "./dir/new", "./etc", "./keep"]);
      const dir = await stat(join(target, "dir"));
      expect([dir.mode & 0o7777, dir.uid]).toEqual([0o700, 5]);
    } finally {
      await host.mount.unmount(target);
    }
  });

  test.each([
    ["gzip", (tar: Buffer) => gzipSync(tar)],
    ["zstd", (tar: Buffer) => zstdCompressSync(tar)],
  ])("may be compressed with %s, which is found out from its content", async (_name, compress) => {
    const tar = await tarOf([{ name: "hello", content: "world" }]);
    const plain = await images.import(streamOf(tar), { name: "plain" });
    const compressed = await images.import(streamOf(compress(tar)), { name: "compressed" });
    expect(compressed.diffIds).toEqual(plain.diffIds);
    const [lower] = await images.layers(compressed.id);
    expect(await readFile(join(lower!, "hello"), "utf8")).toBe("world");
    expect(await stored()).toMatchObject({ layers: 1, temporary: 0 });
  });
});

describe("a hostile layer", () => {
  /** Two ways for it to get at this file: by its absolute path, and by climbing. */
  const victim = (): string => join(scratch, "victim");
  beforeEach(async () => await writeFile(victim(), "unharmed"));

  test.each<[string, (outside: string) => Entry[], string | undefined]>([
    ["..", () => [{ name: "../../../victim", content: "x" }], '".."'],
    [".. inside", () => [{ name: "a/../../../../victim", content: "x" }], '".."'],
    ["absolute name", (outside) => [{ name: join(outside, "victim"), content: "x" }], undefined],
    [
      "absolute symlink, then through it",
      (o) => [
        { name: "l", linkname: o },
        { name: "l/victim", content: "x" },
      ],
      undefined,
    ],
    [
      "relative symlink, then through it",
      () => [
        { name: "l", linkname: "../../../.." },
        { name: "l/victim", content: "x" },
      ],
      undefined,
    ],
    [
      "symlink chain",
      (o) => [
        { name: "a", linkname: o },
        { name: "b", linkname: "a" },
        { name: "b/victim", content: "x" },
      ],
      undefined,
    ],
    [
      "symlink to the file, then the file",
      (o) => [
        { name: "v", linkname: join(o, "victim") },
        { name: "v", content: "x" },
      ],
      undefined,
    ],
    [
      "hard link outside",
      (o) => [
        { name: "h", type: "link", linkname: join(o, "victim") },
        { name: "h", content: "x" },
      ],
      "hard link",
    ],
    ["hard link by ..", () => [{ name: "h", type: "link", linkname: "../../../victim" }], '".."'],
    [
      "hard link to a symlink, then through it",
      (o) => [
        { name: "l", linkname: o },
        { name: "h", type: "link", linkname: "l" },
        { name: "h/victim", content: "x" },
      ],
      undefined,
    ],
    ["whiteout through a symlink", (o) => [{ name: "l", linkname: o }, { name: "l/.wh.victim" }], undefined],
    ["whiteout of ..", () => [{ name: "a/" }, { name: "a/.wh..." }], "hides no name"],
    ["PAX path", (o) => [{ name: "p", pax: { path: `${o}/../victim` }, content: "x" }], '".."'],
    ["symlink loop", () => [{ name: "a", linkname: "b" }, { name: "b", linkname: "a" }, { name: "a/c" }], "loop"],
    [
      "directory replaced by a symlink",
      () => [{ name: "d/" }, { name: "d/x" }, { name: "d", linkname: "/" }],
      "replaces a directory",
    ],
    ["file below a file", () => [{ name: "f" }, { name: "f/x" }], "no directory"],
  ])("cannot write outside: %s", async (_what, entries, refusal) => {
    const attempt = importTar(entries(scratch), "evil");
    if (refusal === undefined) await attempt;
    else expect((await rejection(attempt)).message).toContain(refusal);
    expect(await readFile(victim(), "utf8")).toBe("unharmed");
    expect((await readdir(scratch)).sort()).toEqual(["root", "victim"]);
    if (refusal !== undefined) expect(await stored()).toEqual(NOTHING);
  });

  test("cannot write outside: random archives", async () => {
    const name = fc
      .array(fc.constantFrom("a", "b", "c", "..", ".", "", "up"), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join("/"));
    const entry = fc.record({
      name,
      linkname: name,
      type: fc.constantFrom("file", "directory", "symlink", "link", "fifo" as const),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 2, maxLength: 8 }), async (entries) => {
        const target = join(scratch, "one/two/three/four/five");
        const tar = await tarOf(
          entries.map((one) => ({ ...one, name: one.name || "a", linkname: one.linkname || "b" })),
        );
        await unpackLayer({ host, blob: streamOf(tar), target }).catch((error: MinkeError) =>
          expect(error.name).toBe("MinkeError"),
        );
        expect(await readdir(join(scratch, "one/two/three/four")).catch(() => [])).toEqual(
          (await lstat(target).catch(() => undefined)) ? ["five"] : [],
        );
        await rm(join(scratch, "one"), { recursive: true, force: true });
        expect((await readdir(scratch)).sort()).toEqual(["root", "victim"]);
      }),
      { numRuns: 60 },
    );
  });

  test("duplicate entries: the last one counts", async () => {
    const id = await importTar(
      [
        { name: "l", linkname: "/etc/one" },
        { name: "l", linkname: "/etc/two" },
        { name: "x", linkname: "/y" },
        { name: "x/" },
        { name: "f", content: "old" },
        { name: "f", content: "new" },
      ],
      "twice",
    );
    const [lower] = await images.layers(id);
    const { stdout } = await run("bash", ["-c", `cd ${lower} && readlink l && stat -c %F x && cat f`]);
    expect(stdout).toBe("/etc/two\ndirectory\nnew");
  });

  test("cannot steer the overlay by attributes of its own", async () => {
    const id = await importTar([{ name: "d/", pax: { "SCHILY.xattr.trusted.overlay.redirect": "/etc" } }], "steer");
    const [lower] = await images.layers(id);
    expect(await attributes(join(lower!, "d"))).toEqual({});
  });

  test("cannot fill the memory with an endless header, nor the disk with zeros", async () => {
    const huge = await tarOf([{ name: "x", pax: { comment: "y".repeat(2 * 1024 * 1024) } }]);
    expect((await rejection(images.import(streamOf(huge), { name: "x" }))).code).toBe("ResourceExhausted");
    const bomb = gzipSync(await tarOf([{ name: "zeros", content: Buffer.alloc(4 * 1024 * 1024) }]));
    const error = await rejection(
      unpackLayer({
        host,
        blob: streamOf(bomb),
        target: join(scratch, "t"),
        limits: { entries: 10, bytes: 1024 * 1024 },
      }),
    );
    expect([error.code, error.message]).toEqual(["ResourceExhausted", expect.stringContaining("1048576 bytes")]);
    expect(await stored()).toEqual(NOTHING);
  });
});

describe("damage", () => {
  test.each([
    ["cut off in an entry", (tar: Buffer) => tar.subarray(0, 1024 + 100)],
    ["cut off between entries", (tar: Buffer) => tar.subarray(0, 2048)],
    ["gzip cut off", (tar: Buffer) => gzipSync(tar).subarray(0, 60)],
    ["zstd cut off", (tar: Buffer) => zstdCompressSync(tar).subarray(0, 60)],
    ["not a tar archive", () => Buffer.from("hello".repeat(1000))],
    ["empty", () => Buffer.alloc(0)],
  ])("an import that is %s leaves nothing", async (_what, spoil) => {
    const tar = await tarOf([{ name: "a", content: "x".repeat(1000) }, { name: "b" }]);
    const error = await rejection(images.import(streamOf(spoil(tar)), { name: "x" }));
    expect([error.name, error.code]).toEqual(["MinkeError", "InvalidArgument"]);
    expect(await images.list()).toEqual([]);
    expect(await stored()).toEqual(NOTHING);
  });

  test("a blob that rotted or vanished is named when it is unpacked, and loading again mends it", async () => {
    const image = await images.import(streamOf(await tarOf([{ name: "a", content: "x".repeat(4000) }])), {
      name: "rot",
    });
    const archive = await collect(images.save("rot", "oci-archive"));
    await rm(join(root, "layers", image.diffIds[0]!.slice(7)), { recursive: true });
    const blob = join(root, "images/blobs/sha256", image.diffIds[0]!.slice(7));
    await using file = await open(blob, "r+");
    await file.write("y", 700);
    const rotten = await rejection(images.layers(image.id));
    expect(rotten.message).toMatch(
      /layer sha256:[0-9a-f]{64} of image localhost\/rot:latest.*load, import or pull it again/,
    );
    expect((await rejection(collect(images.save("rot", "oci-archive")))).message).toContain("digest");
    await truncate(blob, 100);
    expect((await rejection(images.layers(image.id))).message).toContain("rot");
    await rm(blob);
    expect((await rejection(images.layers(image.id))).message).toContain("is missing");
    expect(await stored()).toMatchObject({ layers: 0, temporary: 0 });
    await images.load(streamOf(archive));
    expect(await images.layers(image.id)).toHaveLength(1);
  });

  test("an archive with a damaged blob, a missing blob or a cut is refused whole", async () => {
    await importTar([{ name: "a", content: "x".repeat(4000) }], "one");
    const archive = await collect(images.save("one", "oci-archive"));
    await images.remove("one");
    const damaged = Buffer.from(archive);
    damaged[damaged.indexOf("xxxx")] = 0x79;
    expect((await rejection(images.load(streamOf(damaged)))).message).toContain("is damaged");
    expect((await rejection(images.load(streamOf(archive.subarray(0, 4000))))).code).toBe("InvalidArgument");
    expect((await rejection(images.load(streamOf(await tarOf([{ name: "x" }]))))).message).toContain("image import");
    const index = JSON.stringify({ manifests: [{ digest: `sha256:${"0".repeat(64)}`, size: 3, mediaType: "" }] });
    expect(
      (await rejection(images.load(streamOf(await tarOf([{ name: "index.json", content: index }]))))).message,
    ).toContain("has no file");
    expect(await stored()).toEqual(NOTHING);
  });

  test("a full disk is told, and what was written is given back", async () => {
    const small = join(scratch, "small");
    await mkdir(small);
    await host.mount.mount({ type: "tmpfs", source: "tmpfs", target: small, data: "size=2m" });
    try {
      root = small;
      images = await openService();
      const tar = await tarOf([{ name: "big", content: Buffer.alloc(4 * 1024 * 1024) }]);
      const error = await rejection(images.import(streamOf(tar), { name: "x" }));
      expect([error.code, error.message]).toEqual(["ResourceExhausted", expect.stringContaining("disk is full")]);
      const archive = await tarOf([{ name: "one/layer.tar", content: tar }]);
      expect((await rejection(images.load(streamOf(archive)))).message).toContain("disk is full");
      expect(await stored()).toEqual(NOTHING);
      await importTar([{ name: "a" }], "fits");
    } finally {
      await host.mount.unmount(small);
    }
  });

  test("what an interrupted operation left is gone after the next start, and images are there again", async () => {
    const id = await importTar([{ name: "a" }], "kept");
    await mkdir(join(root, "layers/tmp/half/diff"), { recursive: true });
    await writeFile(join(root, "images/tmp/half"), "x");
    images = await openService();
    expect(await stored()).toEqual({ blobs: 3, layers: 1, temporary: 0 });
    expect((await images.status("kept"))?.id).toBe(id);
  });
});

test("a layer that was not on the disk when the power went is unpacked again", async () => {
  const image = await images.import(streamOf(await tarOf([{ name: "a", content: "b" }])), { name: "one" });
  const folder = join(root, "layers", image.diffIds[0]!.slice(7));
  const settled = async (): Promise<void> =>
    await vi.waitFor(async () =>
      expect(JSON.parse(await readFile(join(folder, "layer.json"), "utf8"))).not.toHaveProperty("boot"),
    );
  await settled();
  await writeFile(join(folder, "layer.json"), JSON.stringify({ bytes: 1, inodes: 1, boot: "an earlier one" }));
  await writeFile(join(folder, "diff/a"), "");
  images = await openService();
  expect(await stored()).toMatchObject({ layers: 0, temporary: 0 });
  const [lower] = await images.layers(image.id);
  expect(await readFile(join(lower!, "a"), "utf8")).toBe("b");
  await settled();
});

describe("names", () => {
  test("an image is found by short name, full name, id, prefix and digest; its last name takes the content along", async () => {
    const image = await images.import(streamOf(await tarOf([{ name: "a" }])), {
      name: "app",
      entrypoint: ["/a"],
      cmd: ["-x"],
      env: ["A=b"],
      workingDir: "/w",
      user: "1000",
      ports: ["80", "53/udp"],
    });
    expect(image).toMatchObject({
      repoTags: ["localhost/app:latest"],
      os: "linux",
      config: {
        entrypoint: ["/a"],
        cmd: ["-x"],
        env: ["A=b"],
        workingDir: "/w",
        user: "1000",
        exposedPorts: ["80/tcp", "53/udp"],
      },
    });
    await images.tag("app", "registry.example/team/app:1");
    const tagged = await images.status("app");
    expect(tagged?.repoTags).toEqual(["localhost/app:latest", "registry.example/team/app:1"]);
    for (const reference of [
      "localhost/app",
      image.id,
      image.id.slice(7, 19),
      ...tagged!.repoDigests,
      "registry.example/team/app:1",
    ]) {
      expect(await images.status(reference), reference).toEqual(tagged);
    }
    expect(await images.pull("app")).toEqual(tagged);
    expect((await rejection(images.pull("localhost/other"))).reason).toBe("ErrImagePull");
    expect((await rejection(images.pull("Bad Name"))).reason).toBe("InvalidImageName");
    await images.remove("app");
    expect((await images.status(image.id))?.repoTags).toEqual(["registry.example/team/app:1"]);
    await Promise.all(
      [image.id, image.id, "registry.example/team/app:1"].map(async (name) => await images.remove(name)),
    );
    expect(await images.status(image.id)).toBeUndefined();
    expect(await stored()).toEqual(NOTHING);
  });

  test("a name that moves on leaves its old image for prune; containers keep theirs", async () => {
    const old = await importTar([{ name: "a" }], "app");
    const used = await importTar([{ name: "b" }], "app");
    const current = await importTar([{ name: "c" }], "app");
    expect((await images.list()).map((image) => image.id).sort()).toEqual([old, used, current].sort());
    const pruned = await images.prune({ all: false, inUse: new Set([used]) });
    expect(pruned.removed).toEqual([old]);
    expect(pruned.freedBytes).toBeGreaterThan(1000);
    expect((await images.prune({ all: true, inUse: new Set([used]) })).removed).toEqual(["localhost/app:latest"]);
    expect((await images.list()).map((image) => image.id)).toEqual([used]);
    expect(await images.layers(used)).toHaveLength(1);
  });

  test("an image that a container is made of outlives its last name", async () => {
    const id = await importTar([{ name: "a" }], "app");
    images = await createImageService({
      host,
      root,
      log: noLog,
      clock: systemClock,
      registriesDir: join(root, "none"),
      inUse: async () => new Set([id]),
    });
    await images.remove("app");
    expect(await images.status("app")).toBeUndefined();
    expect(await stored()).toMatchObject({ blobs: 3, layers: 1 });
  });
});

describe("archives", () => {
  test.each<ArchiveFormat>(["oci-archive", "docker-archive"])(
    "%s: save, remove, load gives the same image",
    async (format) => {
      const before = await images.import(streamOf(await tarOf([{ name: "a", content: "b" }])), {
        name: "app:1",
        user: "7",
      });
      const archive = await collect(images.save("app:1", format));
      await images.remove("app:1");
      const [after] = await images.load(streamOf(gzipSync(archive)));
      expect(after).toMatchObject({
        id: before.id,
        repoTags: before.repoTags,
        diffIds: before.diffIds,
        config: before.config,
      });
      expect(await images.layers(after!.id)).toHaveLength(1);
    },
  );

  test.each<ArchiveFormat>(["oci-archive", "docker-archive"])("%s: exchanged with skopeo both ways", async (format) => {
    const image = await images.import(streamOf(await tarOf([{ name: "a", content: "b" }])), {
      name: "app:1",
      cmd: ["x"],
    });
    const ours = join(scratch, "ours.tar");
    await pipeline(Readable.from(images.save("app:1", format)), createWriteStream(ours));
    const name = `${ours}:localhost/app:1`;
    const inspected = await run("skopeo", ["inspect", "--config", "--raw", `${format}:${name}`]);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ config: { Cmd: ["x"] }, rootfs: { diff_ids: image.diffIds } });

    // Back through skopeo's own writer, which compresses layers for OCI.
    const layout = join(scratch, "layout");
    const theirs = join(scratch, "theirs.tar");
    await run("skopeo", [
      "copy",
      "--insecure-policy",
      "--dest-compress-format",
      format === "oci-archive" ? "zstd" : "gzip",
      "--dest-compress",
      `${format}:${name}`,
      `dir:${layout}`,
    ]);
    await run("skopeo", ["copy", "--insecure-policy", `dir:${layout}`, `${format}:${theirs}:localhost/theirs:2`]);
    await images.remove("app:1");
    const [loaded] = await images.load(createReadStream(theirs));
    expect(loaded).toMatchObject({ repoTags: ["localhost/theirs:2"], diffIds: image.diffIds });
    const [lower] = await images.layers(loaded!.id);
    expect(await readFile(join(lower!, "a"), "utf8")).toBe("b");
    // And a compressed layer goes out again as the plain one that Docker's format has.
    const again = await collect(images.save("theirs:2", "docker-archive"));
    await images.remove(loaded!.id);
    expect((await images.load(streamOf(again)))[0]?.diffIds).toEqual(image.diffIds);
  });

  test("a layer that two images share is stored and unpacked once, and goes with the second", async () => {
    const base = await images.import(streamOf(await tarOf([{ name: "a" }])), { name: "one", cmd: ["1"] });
    const other = await images.import(streamOf(await tarOf([{ name: "a" }])), { name: "two", cmd: ["2"] });
    expect(base.id).not.toBe(other.id);
    expect(await images.layers(base.id)).toEqual(await images.layers(other.id));
    expect(await stored()).toEqual({ blobs: 5, layers: 1, temporary: 0 });
    await images.remove("one");
    expect(await images.layers(other.id)).toHaveLength(1);
    expect(await stored()).toMatchObject({ blobs: 3, layers: 1 });
    const usage = await images.usage();
    expect(usage.inodesUsed).toBeGreaterThan(3);
    expect(usage.usedBytes).toBeGreaterThan(1000);
  });

  test("many that ask for the same layers at once get them from one unpacking", async () => {
    const image = await images.import(streamOf(await tarOf([{ name: "a", content: "b" }])), { name: "one" });
    // The import may still be writing down that it has reached the disk.
    await rm(join(root, "layers", image.diffIds[0]!.slice(7)), { recursive: true, maxRetries: 10 });
    const all = await Promise.all(Array.from({ length: 8 }, async () => await images.layers(image.id)));
    expect(new Set(all.flat()).size).toBe(1);
    expect(await stored()).toMatchObject({ layers: 1, temporary: 0 });
  });

  test("an image of another architecture loads, tells so, and cannot be used", async () => {
    const [image] = await images.load(streamOf(await foreignArchive()));
    expect(image?.architecture).toBe("s390x");
    const error = await rejection(images.pull("native"));
    expect([error.reason, error.message]).toEqual([
      "ErrImagePull",
      expect.stringMatching(/linux\/s390x.*this machine is linux\//),
    ]);
    expect((await rejection(images.layers(image!.id))).reason).toBe("ErrImagePull");
  });
});

/** A Docker archive of a configuration that says s390x. */
async function foreignArchive(): Promise<Buffer> {
  const layer = await tarOf([{ name: "a" }]);
  const diffId = digestOf(layer);
  const config = { architecture: "s390x", os: "linux", config: {}, rootfs: { type: "layers", diff_ids: [diffId] } };
  return await tarOf([
    { name: "config.json", content: JSON.stringify(config) },
    { name: "one/layer.tar", content: layer },
    {
      name: "manifest.json",
      content: JSON.stringify([
        { Config: "config.json", RepoTags: ["localhost/native:latest"], Layers: ["one/layer.tar"] },
      ]),
    },
  ]);
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Node has no calls for extended attributes; Python has. */
async function setAttributes(path: string, values: Record<string, Buffer>): Promise<void> {
  for (const [name, value] of Object.entries(values)) {
    const program = "import os,sys; os.setxattr(sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3]))";
    await run("python3", ["-c", program, path, name, value.toString("hex")]);
  }
}

async function attributes(path: string): Promise<unknown> {
  const program =
    "import os,sys,json; p=sys.argv[1]; print(json.dumps({n: os.getxattr(p,n).hex() for n in os.listxattr(p)}))";
  return JSON.parse((await run("python3", ["-c", program, path])).stdout) as unknown;
}
