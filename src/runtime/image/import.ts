/** `import`: a one-layer image of a root file system. The tar stream is digested, stored and unpacked in one pass. */
import { rm } from "node:fs/promises";
import { open } from "node:fs/promises";

import { type Clock, rfc3339 } from "../../base/clock.ts";
import { MinkeError } from "../../base/errors.ts";
import { decompress } from "../../oci/compression.ts";
import { MEDIA_TYPES, encodeDocument, encodeManifest, layerMediaType } from "../../oci/image-format.ts";
import { hostArchitecture } from "../../oci/platform.ts";
import { normalizeNew } from "../../oci/reference.ts";
import type { Image, ImportOptions } from "../image.ts";
import { withEntry } from "./catalog.ts";
import type { Content } from "./content.ts";
import type { Layers } from "./layers.ts";

/**
 * Makes the image. The layer is stored uncompressed: on a local disk gzip would cost many seconds of one core at import,
 * and again at every unpacking, to save space that the unpacked layer takes anyhow.
 */
export async function importImage(
  content: Content,
  layers: Layers,
  clock: Clock,
  tar: AsyncIterable<Uint8Array>,
  options: ImportOptions,
): Promise<Image> {
  const name = normalizeNew(options.name);
  const settings = imageSettings(options);
  const blobPath = content.temporary(content.paths.incoming);
  await using undo = new AsyncDisposableStack();
  undo.defer(async () => await rm(blobPath, { force: true }));
  const { content: plain } = await decompress(tar);
  await using pending = await layers.unpack({ blob: copyInto(blobPath, plain), needsEndMark: true });
  const { diffId, blobDigest, compression } = pending.layer;

  const created = rfc3339(clock.now());
  const config = encodeDocument(MEDIA_TYPES.config, {
    created,
    architecture: hostArchitecture(),
    os: "linux",
    config: settings,
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created, created_by: "minke image import" }],
  });
  return await content.change(async () => {
    const size = await sizeOf(blobPath);
    const layer = { mediaType: layerMediaType(compression), digest: blobDigest, size };
    const manifest = encodeManifest(config.descriptor, [layer]);
    await content.putFile(blobDigest, blobPath);
    await content.putData(config.descriptor.digest, config.data);
    await content.putData(manifest.descriptor.digest, manifest.data);
    await pending.place();
    await content.commit(withEntry(content.catalog.entries, name, manifest.descriptor));
    return content.catalog.byId(config.descriptor.digest)!;
  });
}

/** The `config` of the image's configuration, from the options. Rejects with `InvalidArgument` naming the option. */
function imageSettings(options: ImportOptions): Record<string, unknown> {
  for (const variable of options.env ?? []) {
    if (!/^[^=\0]+=[^\0]*$/.test(variable)) throw invalid("env", variable, "write NAME=VALUE");
  }
  const ports = (options.ports ?? []).map((port) => {
    const [, number, protocol = "tcp"] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(port) ?? [];
    if (number === undefined || Number(number) < 1 || Number(number) > 65_535) {
      throw invalid("port", port, "write PORT, PORT/tcp, PORT/udp or PORT/sctp");
    }
    return `${number}/${protocol}`;
  });
  const workdir = options.workingDir ?? "";
  if (workdir !== "" && !workdir.startsWith("/")) throw invalid("workdir", workdir, "write an absolute path");
  return {
    ...(options.entrypoint?.length ? { Entrypoint: options.entrypoint } : {}),
    ...(options.cmd?.length ? { Cmd: options.cmd } : {}),
    ...(options.env?.length ? { Env: options.env } : {}),
    ...(workdir === "" ? {} : { WorkingDir: workdir }),
    ...(options.user ? { User: options.user } : {}),
    ...(ports.length > 0 ? { ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])) } : {}),
  };
}

function invalid(option: string, value: string, remedy: string): MinkeError {
  return new MinkeError("InvalidArgument", `Cannot import the image: --${option} "${value}" is malformed; ${remedy}`, {
    details: { option, value },
  });
}

/** Passes a stream on while writing it to a new file; at its end the file is on the disk. */
async function* copyInto(path: string, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  await using file = await open(path, "wx", 0o600);
  for await (const chunk of source) {
    await file.writeFile(chunk);
    yield chunk;
  }
  await file.sync();
}

async function sizeOf(path: string): Promise<number> {
  await using file = await open(path);
  return (await file.stat()).size;
}
