/** What is mounted below a container's bundle beside its root file system: images, and volumes with shifted owners. */
import { mkdirSync, writeFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf } from "../../base/errors.ts";
import type { Host } from "../../host/host.ts";

/** Makes a place to mount on: a file for a file. */
export async function makePlace(folder: string, name: string, source?: string): Promise<string> {
  const place = join(folder, name);
  const isFile = source !== undefined && !(await stat(source)).isDirectory();
  mkdirSync(isFile ? folder : place, { recursive: true, mode: 0o711 });
  if (isFile) writeFileSync(place, "", { flag: "a" });
  return place;
}

/** Unmounts all that is mounted on places in `folder`. Idempotent. */
export async function unmountPlaces(host: Pick<Host, "mount">, folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
  await Promise.all(names.map(async (name) => host.mount.unmount(join(folder, name))));
}
