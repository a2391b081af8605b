/**
 * What must hold for any document that a registry sends as an index, a manifest or a configuration: it is read or refused
 * with a MinkeError, in bounded requests, whatever its fields are.
 */
import { strict as assert } from "node:assert";
import fc from "fast-check";

import { isMinkeError } from "../../src/base/errors.ts";
import { MEDIA_TYPES, digestOf, readConfig } from "../../src/oci/image-format.ts";
import { requirePlatform } from "../../src/oci/platform.ts";
import { findManifest } from "../../src/oci/registry/find-manifest.ts";
import type { RemoteDocument, Repository } from "../../src/oci/registry/repository.ts";
import { Catalog, type StoredManifest } from "../../src/runtime/image/catalog.ts";

/** Requests for one image: an index may lead to an index, not for ever. */
const REQUESTS_MAX = 8;

const digest = `sha256:${"a".repeat(64)}`;
const descriptor = { mediaType: `${MEDIA_TYPES.layer}+gzip`, digest, size: 10 };
const config = {
  architecture: "amd64",
  os: "linux",
  created: "2024-01-01T00:00:00Z",
  config: {
    Entrypoint: ["/a"],
    Cmd: ["b"],
    Env: ["A=b"],
    User: "1",
    WorkingDir: "/",
    ExposedPorts: { "80/tcp": {} },
    Labels: { a: "b" },
    StopSignal: "SIGTERM",
  },
  rootfs: { type: "layers", diff_ids: [digest] },
};
const manifest = {
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.manifest,
  config: { ...descriptor, mediaType: MEDIA_TYPES.config },
  layers: [descriptor, descriptor],
  annotations: { a: "b" },
};
const index = {
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.index,
  manifests: [
    { ...descriptor, mediaType: MEDIA_TYPES.manifest, platform: { os: "linux", architecture: "amd64", variant: "v1" } },
    { ...descriptor, mediaType: MEDIA_TYPES.index, platform: { os: "linux", architecture: "arm64" } },
  ],
};

const odd = fc.oneof(
  fc.constantFrom<unknown>(null, "", 0, -1, 1.5, 1e300, true, [], {}, "x", [null], { a: null }, digest, "sha256:", [
    [],
  ]),
  fc.constantFrom<unknown>(digest.toUpperCase(), `${digest}\n`, "../../x", "__proto__", "unknown", "linux", 2 ** 53, [
    digest,
  ]),
  fc.constantFrom<unknown>(index, manifest, config, descriptor, MEDIA_TYPES.dockerList, "application/vnd.x", 1),
  fc.jsonValue({ maxDepth: 3 }),
);
/** A change at a place that is found by walking `steps` from the root. */
const change = fc.record({
  steps: fc.array(fc.nat(9), { minLength: 1, maxLength: 4 }),
  kind: fc.constantFrom("replace", "delete", "add", "repeat"),
  key: fc.constantFrom(
    "manifests",
    "layers",
    "config",
    "fsLayers",
    "artifactType",
    "platform",
    "annotations",
    "__proto__",
    "size",
  ),
  value: odd,
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;
const textChange = fc.option(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    text: fc.constantFrom("", "\0", "{", "]", "\ud800", "9"),
  }),
  { freq: 1 },
);
const document = fc
  .record({ base: fc.constantFrom(index, manifest, config), changes: fc.array(change, { maxLength: 4 }), textChange })
  .map(({ base, changes, textChange: cut }) => {
    const text = JSON.stringify(changes.reduce<unknown>(changed, structuredClone(base)));
    if (!cut) return text;
    const at = Math.floor(cut.at * text.length);
    return text.slice(0, at) + cut.text + (cut.text === "" ? "" : text.slice(at + 1));
  });

/** A registry whose every answer is one of a few such documents. */
export function documentProperty(): fc.IAsyncProperty<unknown> {
  return fc.asyncProperty(fc.array(document, { minLength: 1, maxLength: 4 }), async (texts) => {
    let requests = 0;
    const repository = {
      name: "registry.test/a",
      document: async (): Promise<RemoteDocument> => {
        const data = Buffer.from(texts[requests++ % texts.length]!);
        return { data, digest: digestOf(data), mediaType: "" };
      },
    } as unknown as Repository;
    await tolerated(async () => {
      const { manifest: found, descriptor: of } = await findManifest(repository, "tag");
      show({ descriptor: of, manifest: found, config: readConfig(JSON.stringify(config), "configuration") });
    });
    assert.ok(requests <= REQUESTS_MAX, `${requests} requests`);
    for (const text of texts) {
      await tolerated(async () => {
        const read = readConfig(text, "configuration");
        requirePlatform("image", read);
        show({ descriptor, manifest: { mediaType: "", config: descriptor, layers: [descriptor] }, config: read });
      });
    }
  });
}

/** What is done with them when all is here. */
function show(stored: StoredManifest): void {
  const catalog = new Catalog();
  const { descriptor: of } = stored;
  catalog.replace([{ name: "registry.test/a:b", descriptor: of }], new Map([[of.digest, stored]]));
  const [image] = catalog.images;
  assert.equal(typeof image!.sizeBytes, "number");
  for (const text of [...image!.config.env, ...image!.config.cmd, image!.config.user])
    assert.equal(typeof text, "string");
}

async function tolerated(task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (error) {
    if (!isMinkeError(error)) throw error;
  }
}

function changed(root: unknown, { steps, kind, key, value: given }: Change): unknown {
  const value = structuredClone(given); // a later change may go into it
  let holder: unknown;
  let at: string | undefined;
  let node = root;
  for (const step of steps) {
    if (typeof node !== "object" || node === null) break;
    const keys = Object.keys(node);
    if (keys.length === 0) break;
    holder = node;
    at = keys[step % keys.length]!;
    node = (node as Record<string, unknown>)[at];
  }
  if (kind === "add" && typeof node === "object" && node !== null && !Array.isArray(node)) {
    Object.defineProperty(node, key, { value, enumerable: true, configurable: true, writable: true });
  } else if (holder !== undefined && at !== undefined) {
    const parent = holder as Record<string, unknown>;
    if (kind === "delete" && !Array.isArray(holder)) delete parent[at];
    else if (kind === "repeat" && Array.isArray(node) && node.length < 10)
      parent[at] = Array.from({ length: 300 }, () => node).flat();
    else parent[at] = value;
  }
  return root;
}
