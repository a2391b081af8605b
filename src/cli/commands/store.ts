/** `minke store`: the node's objects as a file. */
import { createWriteStream } from "node:fs";
import { mkdtemp, open, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";

import { buildCommand, buildRouteMap } from "@stricli/core";

import { isMinkeError } from "../../base/errors.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import type { StoreReport } from "../embed.ts";
import { EXIT } from "../exit.ts";
import { argument, embedFlags } from "../flags.ts";
import { bytesText } from "../output/bytes.ts";

export const examples = [
  ["Is the store whole? Also while the node runs", "minke store check"],
  ["Copy it while the node runs; it holds Secrets", "minke store backup minke-backup.db"],
  ["Put a copy back, with the node stopped; the old store is kept", "minke store restore minke-backup.db"],
] as const;
export const completes = ["none", "file"] as const;

const check = buildCommand<NodeFlags, [], CliContext>({
  docs: {
    brief: "Check that the store is whole: the file, every object, every version",
    fullDescription: "Exit code 1 when something is wrong. Changes nothing. Of a node that runs it checks a copy.",
  },
  parameters: { flags: embedFlags },
  async func(this: CliContext, flags) {
    const { checkStoreFile } = await import("../embed.ts");
    const folder = await mkdtemp(join(tmpdir(), "minke-store-"));
    try {
      const copy = join(folder, "store.db");
      const isRunning = await download(this, flags, copy);
      await tell(this, await checkStoreFile(optionsOf(flags), isRunning ? copy : undefined));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

const backup = buildCommand<NodeFlags, [string], CliContext>({
  docs: { brief: "Write a copy of a running node's store to a file, 0600; it holds Secrets" },
  parameters: {
    flags: embedFlags,
    positional: { kind: "tuple", parameters: [argument("FILE", "The file to write, replacing what is there")] },
  },
  async func(this: CliContext, flags, file) {
    const client = await this.client(flags);
    await save(client.storeBackup(), resolve(file));
    this.note(`Wrote the store to ${file}`);
  },
});

const restore = buildCommand<NodeFlags, [string], CliContext>({
  docs: {
    brief: "Put a copy in the place of a stopped node's store",
    fullDescription:
      "The copy is checked first, and the old store stays beside the new one. Resource versions go on above those of both, so whoever watched lists again.",
  },
  parameters: {
    flags: embedFlags,
    positional: { kind: "tuple", parameters: [argument("FILE", "A file that 'store backup' has written")] },
  },
  async func(this: CliContext, flags, file) {
    const { restoreStoreFile } = await import("../embed.ts");
    const kept = await restoreStoreFile(optionsOf(flags), resolve(file));
    this.note(`Restored the store from ${file}${kept === undefined ? "" : `; the old one is ${kept}`}`);
  },
});

export const command = buildRouteMap<string, CliContext>({
  docs: { brief: "Check, back up and restore the node's store" },
  routes: { check, backup, restore },
});

/** A copy of the running node's store; false when none runs. */
async function download(context: CliContext, flags: NodeFlags, file: string): Promise<boolean> {
  const client = await context.client(flags);
  try {
    await save(client.storeBackup(), file);
    return true;
  } catch (error) {
    if (isMinkeError(error) && error.reason === "NoNode") return false;
    throw error;
  }
}

/** A file that is there is whole, and on the disk. */
async function save(content: AsyncIterable<Uint8Array>, file: string): Promise<void> {
  const partial = `${file}.partial-${process.pid}`;
  try {
    await pipeline(content, createWriteStream(partial, { flags: "wx", mode: 0o600, flush: true }));
    await rename(partial, file);
    await using folder = await open(resolve(file, ".."));
    await folder.sync();
  } finally {
    await rm(partial, { force: true });
  }
}

async function tell(context: CliContext, { problems, objects, resourceVersion, bytes }: StoreReport): Promise<void> {
  for (const problem of problems) await context.print(`${problem}\n`);
  if (problems.length > 0) context.exit(EXIT.error);
  else await context.print(`The store is whole: ${objects} objects, version ${resourceVersion}, ${bytesText(bytes)}\n`);
}

function optionsOf(flags: NodeFlags): Readonly<Record<string, string>> {
  const given = Object.entries(flags).filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return Object.fromEntries(given);
}
