/** The images that pulling is measured with, as OCI layouts: eight layers of gzip each, of many small or few large files. */
import { execFileSync } from "node:child_process";
import { createCipheriv, createHash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";

import { hostArchitecture } from "../src/oci/platform.ts";
import { MEDIA_TYPES, encodeDocument, encodeManifest, hexOf } from "../src/oci/image-format.ts";

const CACHE = resolve(import.meta.dirname, "../.cache/bench");
const GHOST = resolve(import.meta.dirname, "../.cache/images/ghost.tar");
const LAYERS = 8;
const LARGE_FILE_BYTES = 60 * 1024 * 1024;

export interface PullImage {
  readonly name: string;
  /** OCI layout; its one image is the first, and `changed` has another topmost layer. */
  readonly layout: string;
  readonly layerTars: readonly string[];
  readonly bytes: number;
  readonly compressedBytes: number;
  readonly files: number;
}

/** Makes what is not there yet; the first time takes a minute. */
export async function preparePullImages(): Promise<readonly PullImage[]> {
  return [await prepare("small-files", fillSmall), await prepare("large-files", fillLarge)];
}

async function prepare(name: string, fill: (folder: string, tar: (n: number) => string) => void): Promise<PullImage> {
  const folder = join(CACHE, `pull-${name}`);
  const facts = join(folder, "facts.json");
  if (existsSync(facts)) return JSON.parse(readFileSync(facts, "utf8")) as PullImage;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "layout/blobs/sha256"), { recursive: true });
  const tar = (n: number): string => join(folder, `layer-${n}.tar`);
  fill(folder, tar);
  const layerTars = Array.from({ length: LAYERS }, (_each, n) => tar(n));
  const changed = join(folder, "changed.tar");
  writeFileSync(join(folder, "changed"), "changed");
  execFileSync("tar", ["-C", folder, "-cf", changed, "changed"]);
  const layout = join(folder, "layout");
  const descriptors = [];
  for (const variant of [layerTars, [...layerTars.slice(0, -1), changed]]) {
    descriptors.push(await addImage(layout, variant, variant === layerTars ? "first" : "changed"));
  }
  writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(layout, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: descriptors }));
  const image: PullImage = {
    name,
    layout,
    layerTars,
    bytes: layerTars.reduce((sum, path) => sum + statSync(path).size, 0),
    compressedBytes: descriptors[0]!.bytes,
    files: Number(execFileSync("sh", ["-c", `for t in ${layerTars.join(" ")}; do tar -tf $t; done | wc -l`])),
  };
  writeFileSync(facts, JSON.stringify(image));
  return image;
}

/** Ghost's tree dealt out to the layers file by file; without Ghost's image, this checkout's npm packages. */
function fillSmall(folder: string, tar: (n: number) => string): void {
  const tree = existsSync(GHOST) ? join(folder, "tree") : resolve(import.meta.dirname, "../node_modules");
  if (existsSync(GHOST)) {
    mkdirSync(tree);
    execFileSync("tar", ["-xf", GHOST, "-C", tree]);
  }
  const list = join(folder, "files");
  execFileSync("sh", [
    "-c",
    `cd ${tree} && find . ! -type d | sort > ${list} && split -n r/${LAYERS} -d -a 1 ${list} ${list}-`,
  ]);
  for (let n = 0; n < LAYERS; n++) {
    execFileSync("tar", ["-C", tree, "-cf", tar(n), "--no-recursion", "-T", `${list}-${n}`]);
  }
  if (existsSync(GHOST)) rmSync(tree, { recursive: true });
}

/** One file a layer, half of which compresses to nothing. */
function fillLarge(folder: string, tar: (n: number) => string): void {
  for (let n = 0; n < LAYERS; n++) {
    const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, n + 1), Buffer.alloc(16));
    const noise = cipher.update(Buffer.alloc(LARGE_FILE_BYTES / 2));
    const text = Buffer.from("All work and no play makes the bench a dull one. ".repeat(2000));
    const half = Buffer.concat(Array.from({ length: Math.ceil(noise.length / text.length) }, () => text));
    writeFileSync(join(folder, `file-${n}`), Buffer.concat([noise, half.subarray(0, noise.length)]));
    execFileSync("tar", ["-C", folder, "-cf", tar(n), `file-${n}`]);
    rmSync(join(folder, `file-${n}`));
  }
}

async function addImage(layout: string, tars: readonly string[], ref: string) {
  const blob = (digest: string): string => join(layout, "blobs/sha256", hexOf(digest));
  const layers = [];
  const diffIds = [];
  for (const tar of tars) {
    const gz = `${tar}.gz`;
    if (!existsSync(gz)) execFileSync("sh", ["-c", `gzip -6 -n < ${tar} > ${gz}.part`]);
    if (!existsSync(gz)) renameSync(`${gz}.part`, gz);
    const digest = await digestOfFile(gz);
    execFileSync("cp", ["--reflink=auto", gz, blob(digest)]);
    layers.push({ mediaType: `${MEDIA_TYPES.layer}+gzip`, digest, size: statSync(gz).size });
    diffIds.push(await digestOfFile(tar));
  }
  const config = encodeDocument(MEDIA_TYPES.config, {
    architecture: hostArchitecture(),
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: diffIds },
  });
  const manifest = encodeManifest(config.descriptor, layers);
  for (const { data, descriptor } of [config, manifest]) writeFileSync(blob(descriptor.digest), data);
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  return { ...manifest.descriptor, bytes, annotations: { "org.opencontainers.image.ref.name": ref } };
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return `sha256:${hash.digest("hex")}`;
}
