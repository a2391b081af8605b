/**
 * What was done for each sandbox, on disk: configuration, arguments and result, so that DEL after a crash or a changed
 * configuration undoes exactly what ADD did. A record is written before the first plugin runs: no record, nothing to undo.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf } from "../../base/errors.ts";
import type { NetworkAttachment } from "./attachment.ts";
import type { NetworkConfig } from "./network-config.ts";
import { once } from "./once.ts";
import type { CniResult } from "./result.ts";

export interface NetworkRecord {
  readonly version: 1;
  readonly attachment: NetworkAttachment;
  readonly config: NetworkConfig;
  /** Whether `config` is the embedded network. */
  readonly embedded: boolean;
  /** Absent while ADD runs, and for ever when the daemon died in it. */
  readonly result?: CniResult;
}

export interface NetworkRecords {
  write(record: NetworkRecord): Promise<void>;
  read(sandboxId: string): Promise<NetworkRecord | undefined>;
  remove(sandboxId: string): Promise<void>;
  /** All of them; what can not be read is removed. */
  list(): Promise<readonly NetworkRecord[]>;
  /** Removes all of them, and their directory. */
  clear(): Promise<void>;
}

export function createNetworkRecords(directory: string): NetworkRecords {
  const pathOf = (sandboxId: string): string => join(directory, `${sandboxId}.json`);
  const ready = once(() => mkdir(directory, { recursive: true, mode: 0o700 }));

  const read = async (sandboxId: string): Promise<NetworkRecord | undefined> => {
    try {
      const record = JSON.parse(await readFile(pathOf(sandboxId), "utf8")) as NetworkRecord;
      return record.version === 1 ? record : undefined;
    } catch (error) {
      if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
      throw error;
    }
  };

  return {
    read,
    write: async (record) => {
      await ready();
      const path = pathOf(record.attachment.sandboxId);
      await writeFile(`${path}.tmp`, JSON.stringify(record), { mode: 0o600 });
      await rename(`${path}.tmp`, path);
    },
    remove: (sandboxId) => rm(pathOf(sandboxId), { force: true }),
    list: async () => {
      await ready();
      const found: NetworkRecord[] = [];
      for (const name of await readdir(directory)) {
        const record = name.endsWith(".json") ? await read(name.slice(0, -".json".length)) : undefined;
        if (record) found.push(record);
        else await rm(join(directory, name), { force: true });
      }
      return found;
    },
    clear: async () => {
      ready.forget();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
