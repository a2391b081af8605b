/** The image that every subject runs: a static busybox. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";

import type { BenchImage } from "./figures.ts";

export function prepareImage(): BenchImage {
  const cache = resolve(import.meta.dirname, "../.cache/bench");
  const rootfs = join(cache, "rootfs");
  const tar = join(cache, "busybox.tar");
  if (!existsSync(tar)) {
    if (!existsSync("/bin/busybox"))
      throw new Error("Cannot make the bench's image: /bin/busybox is missing; apt-get install busybox-static");
    for (const folder of ["bin", "etc", "tmp", "out"]) mkdirSync(join(rootfs, folder), { recursive: true });
    copyFileSync("/bin/busybox", join(rootfs, "bin/busybox"));
    for (const name of ["sh", "sleep", "true", "echo", "cat"]) symlinkSync("busybox", join(rootfs, "bin", name));
    execFileSync("tar", ["-C", rootfs, "-cf", tar, "."]);
  }
  return { rootfs, tar };
}
