import { describe, expect, test } from "vitest";

import { type Descriptor, digestOf } from "../../oci/image-format.ts";
import { Catalog, type StoredManifest, toIndexDescriptor, toIndexEntry, withEntry } from "./catalog.ts";

const descriptor = (name: string): Descriptor => ({ mediaType: "m", digest: digestOf(name), size: 10 });
const A = descriptor("manifest a");
const B = descriptor("manifest b");

function stored(one: Descriptor, config: string): StoredManifest {
  return {
    descriptor: one,
    manifest: { mediaType: "m", config: descriptor(config), layers: [descriptor("layer"), descriptor("layer")] },
    config: {
      architecture: "amd64",
      os: "linux",
      created: "2026-01-01T00:00:00Z",
      diffIds: [],
      config: { Cmd: ["x"], Env: "no list", ExposedPorts: { "80/tcp": {} }, StopSignal: "SIGQUIT" },
    },
  };
}

describe("Catalog", () => {
  const catalog = new Catalog();
  catalog.replace(
    [
      { name: "docker.io/library/app:latest", descriptor: A },
      { name: "localhost/app:latest", descriptor: B },
      { name: "x.y/app:1", descriptor: A },
      { name: "x.y/lost:1", descriptor: descriptor("unreadable") },
    ],
    new Map([
      [A.digest, stored(A, "config a")],
      [B.digest, stored(B, "config b")],
    ]),
  );
  const a = catalog.byId(digestOf("config a"))!;
  const b = catalog.byId(digestOf("config b"))!;

  test("puts an image together from its names and documents", () => {
    expect(a).toMatchObject({
      repoTags: ["docker.io/library/app:latest", "x.y/app:1"],
      repoDigests: [`docker.io/library/app@${A.digest}`, `x.y/app@${A.digest}`],
      sizeBytes: 30,
      createdMs: Date.UTC(2026, 0, 1),
      config: { cmd: ["x"], env: [], exposedPorts: ["80/tcp"], stopSignal: "SIGQUIT" },
    });
    expect(catalog.images).toHaveLength(2);
  });

  test.each([
    ["app", b],
    ["docker.io/app", a],
    ["x.y/app:1", a],
    ["x.y/app", undefined],
    [`x.y/app@${A.digest}`, a],
    [`app@${A.digest}`, a],
    [`x.y/app@${B.digest}`, undefined],
    [a.id, a],
    [a.id.slice("sha256:".length), a],
    [a.id.slice(0, "sha256:".length + 12), a],
    [b.id.slice("sha256:".length, "sha256:".length + 20), b],
    [`sha256:${"0".repeat(64)}`, undefined],
    ["x.y/lost:1", undefined],
  ])("finds %s", (reference, image) => {
    expect(catalog.find(reference)).toBe(image);
  });

  test("refuses what can be no reference", () => {
    expect(() => catalog.find("App")).toThrow("lower-case");
    expect(() => catalog.find("")).toThrow("empty");
  });
});

describe("withEntry()", () => {
  test("moves a name, and keeps the image that lost its last one", () => {
    const one = withEntry([], "n", A);
    const moved = withEntry(one, "n", B);
    expect(moved).toEqual([{ descriptor: A }, { name: "n", descriptor: B }]);
    expect(withEntry(moved, "m", A)).toEqual([
      { name: "n", descriptor: B },
      { name: "m", descriptor: A },
    ]);
  });

  test("gives a name once, however often, and an image without a name one entry", () => {
    const one = withEntry(withEntry([], "n", A), "n", A);
    expect(one).toEqual([{ name: "n", descriptor: A }]);
    expect(withEntry(one, undefined, A)).toEqual(one);
    expect(withEntry(withEntry([], undefined, A), undefined, A)).toEqual([{ descriptor: A }]);
  });

  test("entries survive index.json", () => {
    for (const entry of [{ name: "x.y/z:1", descriptor: A }, { descriptor: B }]) {
      expect(toIndexEntry(toIndexDescriptor(entry))).toEqual(entry);
    }
  });
});
