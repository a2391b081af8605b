/** The store of an instance that does not run: its lock is held meanwhile, so that no daemon starts in between. */
import { join } from "node:path";

import { rfc3339, systemClock } from "../base/clock.ts";
import { MinkeError } from "../base/errors.ts";
import { ensureFolder } from "../host/files.ts";
import { instanceOf } from "../host/instance.ts";
import type { Instance } from "../host/instance.ts";
import { checkStore, restoreStore, type StoreReport } from "../store/maintenance.ts";
import { lockHolder, lockInstance } from "./lock.ts";
import type { NodeOptions } from "./options.ts";

/** Checks the store, or the file of that name. */
export async function checkInstanceStore(options: NodeOptions, file?: string): Promise<StoreReport> {
  if (file !== undefined) return await checkStore(file);
  const instance = instanceOf(options);
  using _lock = await holdInstance(instance, "check");
  return await checkStore(storeOf(instance));
}

/** Puts a backup in the store's place; returns the name under which the old one is kept. */
export async function restoreInstanceStore(options: NodeOptions, file: string): Promise<string | undefined> {
  const instance = instanceOf(options);
  await ensureFolder(instance.root, 0o711);
  using _lock = await holdInstance(instance, "restore");
  return await restoreStore(storeOf(instance), file, rfc3339(systemClock.now()).replaceAll(/[-:]/g, ""));
}

async function holdInstance(instance: Instance, action: string): Promise<Disposable> {
  const holder = await lockHolder(instance);
  if (holder !== undefined) {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot ${action} the store of instance "${instance.name}": process ${holder} runs it; stop it first (kill ${holder})`,
    );
  }
  await ensureFolder(instance.state, 0o711);
  return await lockInstance(instance);
}

function storeOf({ root }: Instance): string {
  return join(root, "store.db");
}
