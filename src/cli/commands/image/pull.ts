/** `minke image pull`: make an image present. */
import { buildCommand } from "@stricli/core";

import type { CliContext, NodeFlags } from "../../context.ts";
import { type RegistryFlags, argument, embedFlags, registryFlags, switchFlag, textFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";
import { progressMode, showSteps } from "../../output/progress.ts";

interface Flags extends NodeFlags, RegistryFlags {
  readonly platform: string | undefined;
  readonly quiet: boolean;
}

export const command = buildCommand<Flags, [string], CliContext>({
  docs: { brief: "Make an image what its registry has under the name now", customUsage: ["NAME"] },
  parameters: {
    flags: {
      platform: textFlag("Which of a multi-platform image: linux/arm64 (default: the node's)", "os/arch"),
      quiet: switchFlag("Print only the id"),
      ...registryFlags,
      ...embedFlags,
    },
    aliases: { q: "quiet" },
    positional: { kind: "tuple", parameters: [argument("NAME", "The image's name")] },
  },
  async func(this: CliContext, flags, name) {
    const { platform, quiet, tlsVerify: verifyTls, progress } = flags;
    const mode = quiet ? "quiet" : progressMode(progress);
    await using node = await nodeInUse(this, flags);
    const options = { verifyTls, ...(platform === undefined ? {} : { platform }) };
    const image = await showSteps(this.stderr, mode, node.client.images.pullSteps(name, options));
    await this.print(quiet ? `${image.id}\n` : `${name} (${image.id})\n`);
  },
});
