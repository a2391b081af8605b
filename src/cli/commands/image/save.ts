/** `minke image save`: write an image to an archive. */
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";

import { buildCommand } from "@stricli/core";

import type { ArchiveFormat } from "../../../sdk/images.ts";
import type { CliContext, NodeFlags } from "../../context.ts";
import { UsageError } from "../../exit.ts";
import { argument, embedFlags, textFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";

interface Flags extends NodeFlags {
  readonly output: string | undefined;
  readonly format: ArchiveFormat | undefined;
}

export const command = buildCommand<Flags, [string], CliContext>({
  docs: { brief: "Write an image to an archive", customUsage: ["NAME -o FILE [--format oci-archive|docker-archive]"] },
  parameters: {
    flags: {
      output: textFlag("The file to write; - or nothing for standard output", "file"),
      format: {
        kind: "enum",
        values: ["oci-archive", "docker-archive"],
        optional: true,
        brief: "Kind of archive (default oci-archive)",
      },
      ...embedFlags,
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [argument("NAME", "Name or id")] },
  },
  async func(this: CliContext, flags, name) {
    const toStdout = flags.output === undefined || flags.output === "-";
    if (toStdout && this.stdout.isTTY)
      throw new UsageError("standard output is a terminal; use -o FILE, or redirect it");
    await using node = await nodeInUse(this, flags);
    const archive = node.client.images.save(name, flags.format);
    if (toStdout) {
      for await (const chunk of archive) await this.print(chunk);
      return;
    }
    await writeWhole(flags.output!, archive);
    this.note(`Saved ${name} to ${flags.output}`);
  },
});

/** A file that is there is whole: it gets its name when all of it is written. */
async function writeWhole(file: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const partial = `${file}.partial-${process.pid}`;
  try {
    await pipeline(content, createWriteStream(partial, { flags: "wx" }));
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
}
