/** `minke image prune`: remove what nothing needs. */
import { buildCommand } from "@stricli/core";

import type { CliContext, NodeFlags } from "../../context.ts";
import { embedFlags, switchFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";
import { bytesText } from "../../output/bytes.ts";

interface Flags extends NodeFlags {
  readonly all: boolean;
}

export const command = buildCommand<Flags, [], CliContext>({
  docs: { brief: "Remove images without a name; with --all, images that no Pod uses" },
  parameters: {
    flags: {
      all: switchFlag("Also images with names that no Pod uses"),
      ...embedFlags,
    },
    aliases: { a: "all" },
  },
  async func(this: CliContext, flags) {
    await using node = await nodeInUse(this, flags);
    const { removed, freedBytes } = await node.client.images.prune({ all: flags.all });
    for (const name of removed) await this.print(`Removed ${name}\n`);
    this.note(`Freed ${bytesText(freedBytes)}`);
  },
});
