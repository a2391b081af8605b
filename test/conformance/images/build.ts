/**
 * Builds the images of {@link RECIPES} into one OCI image layout, each under its names as reference names:
 *
 *     node test/conformance/images/build.ts           says where the layout is and the digest of the image pulled by digest
 *
 * Each image is an index with one manifest, as images for several platforms are: a runtime has to find its own in it.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

import { buildNginx } from "../../../examples/nginx-ghost/build-images.ts";
import { fetchBusybox } from "./busybox.ts";
import { compile, tarOf } from "./layer.ts";
import { ARCHITECTURE, type Base, DIGEST_IMAGE, RECIPES, type Recipe } from "./recipes.ts";

const CACHE = resolve(import.meta.dirname, "../../../.cache");
const MEDIA_TYPE = "application/vnd.oci.image";
/** Fast, because nginx's layer has 140 MB and is read by nobody but this machine. */
const GZIP_LEVEL = 1;

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface Layer extends Blob {
  readonly diffId: string;
}

export interface BuiltImages {
  /** Folder of the OCI layout. */
  readonly layout: string;
  /** Digest of {@link DIGEST_IMAGE}. */
  readonly digest: string;
}

/** Builds what has changed since the last time; the layout is replaced as a whole. */
export async function buildConformanceImages(print: (line: string) => void): Promise<BuiltImages> {
  const layout = join(CACHE, "conformance/images");
  const stamp = join(layout, "recipe");
  const recipe = ingredients();
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== recipe) {
    print("building the conformance images");
    const part = `${layout}.part`;
    rmSync(part, { recursive: true, force: true });
    await writeLayout(part, print);
    writeFileSync(join(part, "recipe"), recipe);
    rmSync(layout, { recursive: true, force: true });
    renameSync(part, layout);
  }
  const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as {
    manifests: { digest: string; annotations: Record<string, string> }[];
  };
  const pinned = index.manifests.find(
    ({ annotations }) => annotations["org.opencontainers.image.ref.name"] === `${DIGEST_IMAGE}:latest`,
  );
  return { layout, digest: pinned!.digest };
}

/** A hash over what decides the content: the recipes and this code. */
function ingredients(): string {
  const hash = createHash("sha256");
  const programs = RECIPES.flatMap(({ program }) => (program ? [`programs/${program.source}`] : []));
  for (const file of ["build.ts", "busybox.ts", "layer.ts", "recipes.ts", ...programs]) {
    hash.update(readFileSync(join(import.meta.dirname, file)));
  }
  return hash.digest("hex");
}

async function writeLayout(layout: string, print: (line: string) => void): Promise<void> {
  const blobs = join(layout, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (mediaType: string, content: Buffer): Blob => {
    const digest = createHash("sha256").update(content).digest("hex");
    writeFileSync(join(blobs, digest), content);
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  };
  const layer = (tar: Buffer): Layer => ({
    ...put(`${MEDIA_TYPE}.layer.v1.tar+gzip`, gzipSync(tar, { level: GZIP_LEVEL })),
    diffId: `sha256:${createHash("sha256").update(tar).digest("hex")}`,
  });
  const busybox = fetchBusybox();
  // GNU grep calls /proc/PID/cmdline binary, on its standard error; a spec wants none there.
  const grep = { type: "file", path: "usr/bin/grep", content: busybox.program, mode: 0o755 } as const;
  const nginx = await buildNginx(join(CACHE, "images"), print);
  const bases: Readonly<Record<Base, readonly Layer[]>> = {
    scratch: [],
    busybox: [layer(await tarOf(busybox.entries))],
    nginx: [layer(readFileSync(nginx)), layer(await tarOf([grep]))],
  };
  const manifests: unknown[] = [];
  for (const recipe of RECIPES) {
    const layers = [...bases[recipe.base], layer(await tarOf(ownEntries(recipe)))];
    const config = put(`${MEDIA_TYPE}.config.v1+json`, json(configOf(recipe, layers)));
    const manifest = put(
      `${MEDIA_TYPE}.manifest.v1+json`,
      json({
        schemaVersion: 2,
        mediaType: `${MEDIA_TYPE}.manifest.v1+json`,
        config,
        layers: layers.map(({ diffId: _diffId, ...blob }) => blob),
      }),
    );
    for (const name of recipe.names) {
      const platform = { os: "linux", architecture: ARCHITECTURE };
      const mediaType = `${MEDIA_TYPE}.index.v1+json`;
      // The name makes the index another one for each tag, as the originals' are: the id is the image's, not the index's.
      const annotations = { "org.opencontainers.image.ref.name": name };
      const index = put(
        mediaType,
        json({ schemaVersion: 2, mediaType, manifests: [{ ...manifest, platform }], annotations }),
      );
      manifests.push({ ...index, annotations });
    }
  }
  writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(join(layout, "index.json"), json({ schemaVersion: 2, manifests }));
}

function ownEntries({ files, program }: Recipe): Parameters<typeof tarOf>[0] {
  if (!program) return files;
  return [...files, { type: "file", path: program.path, content: compile(program.source), mode: program.mode }];
}

function configOf({ user, entrypoint, cmd }: Recipe, layers: readonly Layer[]): unknown {
  return {
    created: new Date(0).toISOString(),
    architecture: ARCHITECTURE,
    os: "linux",
    config: {
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
      ...(user !== undefined && { User: user }),
      ...(entrypoint && { Entrypoint: entrypoint }),
      ...(cmd && { Cmd: cmd }),
      WorkingDir: "/",
    },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: new Date(0).toISOString(), created_by: "minke conformance images" })),
  };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

if (import.meta.main) console.log(await buildConformanceImages((line) => console.error(line)));
