/** Image archives: OCI (`oci-archive:`, `docker save` since 25) and Docker's (`docker-archive:`). */
import { mkdir } from "node:fs/promises";

import { MinkeError } from "../base/errors.ts";
import { readDockerArchive } from "./archive-docker.ts";
import { type ArchivedImage, spoolArchive } from "./archive-files.ts";
import { readOciArchive } from "./archive-oci.ts";

export type { ArchivedImage } from "./archive-files.ts";
export { type ArchiveSource, writeDockerArchive, writeOciArchive } from "./archive-write.ts";

/**
 * Reads an archive, its files into `directory`, which the caller removes afterwards. Digests in names are checked. Rejects
 * with `InvalidArgument` for what is no image archive, is damaged or was cut off.
 */
export async function readArchive(
  archive: AsyncIterable<Uint8Array>,
  directory: string,
): Promise<readonly ArchivedImage[]> {
  await mkdir(directory, { recursive: true });
  const files = await spoolArchive(archive, directory);
  if (files.get("index.json")) return await readOciArchive(files);
  if (files.get("manifest.json")) return await readDockerArchive(files);
  throw new MinkeError(
    "InvalidArgument",
    "Cannot load the archive: it has neither index.json (OCI) nor manifest.json (Docker); for a root file system use minke image import",
  );
}
