/** `minke image load`: load the images of an archive. */
import { buildCommand } from "@stricli/core";

import { archiveSource } from "../../archive-source.ts";
import type { CliContext, NodeFlags } from "../../context.ts";
import { UsageError } from "../../exit.ts";
import { argument, embedFlags, textFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";

interface Flags extends NodeFlags {
  readonly input: string | undefined;
}

export const command = buildCommand<Flags, string[], CliContext>({
  docs: { brief: "Load the images of an OCI or docker archive (plain, gzip or zstd)", customUsage: ["ARCHIVE|-"] },
  parameters: {
    flags: {
      input: textFlag("The archive, as docker spells it", "file"),
      ...embedFlags,
    },
    aliases: { i: "input" },
    positional: { kind: "array", parameter: argument("ARCHIVE", "The archive, or - for standard input"), maximum: 1 },
  },
  async func(this: CliContext, flags, file = flags.input) {
    if (file === undefined) throw new UsageError("no archive was given; name a file, or - for standard input");
    const archive = await archiveSource(this, file);
    await using node = await nodeInUse(this, flags);
    for (const image of await node.client.images.load(archive)) {
      await this.print(`Loaded ${image.repoTags.join(", ") || image.id} (${image.id})\n`);
    }
  },
});
