/** `minke image prune`: remove what nothing needs. */
import { buildCommand } from "@stricli/core";

import type { CliContext, NodeFlags } from "../../context.ts";
import { nodeFlags, switchFlag, textFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";
import { bytesText } from "../../output/bytes.ts";

interface Flags extends NodeFlags {
  readonly root: string | undefined;
  readonly all: boolean;
}

export const command = buildCommand<Flags, [], CliContext>({
  docs: { brief: "Remove images without a name; with --all, images that no Pod uses" },
  parameters: {
    flags: {
      all: switchFlag("Also images with names that no Pod uses"),
      root: textFlag("Root directory, when no node runs (default /var/lib/minke)", "dir"),
      ...nodeFlags,
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
