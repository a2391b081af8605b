/**
 * The address leases of the embedded network, as the plugin host-local keeps them: one file per address, named after it,
 * whose first line is the sandbox' id. To remove the file is to give the address back; host-local creates it with O_EXCL.
 */
import { readdir, readFile, rm } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";

import { errnoOf } from "../../base/errors.ts";

/** Gives back the leases of every sandbox that `isStale` picks. Returns the addresses. */
export async function releaseLeases(
  directory: string,
  isStale: (sandboxId: string) => boolean,
): Promise<readonly string[]> {
  const released: string[] = [];
  for (const name of await names(directory)) {
    // host-local writes ":" of IPv6 addresses as it is on Linux; lock and last_reserved_ip.* are no addresses.
    if (isIP(name) === 0) continue;
    const path = join(directory, name);
    const owner = await readFile(path, "utf8").catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    });
    if (owner === undefined || !isStale(owner.split(/\r?\n/, 1)[0]!.trim())) continue;
    await rm(path, { force: true });
    released.push(name);
  }
  return released;
}

/** Gives back these addresses of one sandbox, without looking at the others. An address that it does not hold is left. */
export async function releaseAddresses(
  directory: string,
  sandboxId: string,
  addresses: readonly string[],
): Promise<void> {
  for (const address of addresses) {
    const path = join(directory, address);
    const owner = await readFile(path, "utf8").catch(() => "");
    if (owner.startsWith(sandboxId)) await rm(path, { force: true });
  }
}

async function names(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
}
