/** `minke image pull`: make an image present. */
import { buildCommand } from "@stricli/core";

import type { CliContext, NodeFlags } from "../../context.ts";
import { argument, embedFlags, switchFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";
import { ProgressLine } from "../../output/progress.ts";

interface Flags extends NodeFlags {
  readonly quiet: boolean;
}

export const command = buildCommand<Flags, [string], CliContext>({
  docs: { brief: "Make an image present", customUsage: ["NAME"] },
  parameters: {
    flags: {
      quiet: switchFlag("Print only the id"),
      ...embedFlags,
    },
    aliases: { q: "quiet" },
    positional: { kind: "tuple", parameters: [argument("NAME", "The image's name")] },
  },
  async func(this: CliContext, flags, name) {
    await using node = await nodeInUse(this, flags);
    using progress = new ProgressLine(this.stderr);
    const image = await node.client.images.pull(name, (step) => flags.quiet || progress.show(step));
    progress.clear();
    await this.print(flags.quiet ? `${image.id}\n` : `${image.repoTags[0] ?? name} (${image.id})\n`);
  },
});
