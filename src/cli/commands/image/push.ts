/** `minke image push`: give an image to a registry. */
import { buildCommand } from "@stricli/core";

import type { CliContext, NodeFlags } from "../../context.ts";
import { type RegistryFlags, argument, embedFlags, registryFlags, switchFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";
import { progressMode, showSteps } from "../../output/progress.ts";

interface Flags extends NodeFlags, RegistryFlags {
  readonly quiet: boolean;
}

export const command = buildCommand<Flags, [string, string?], CliContext>({
  docs: {
    brief: "Give an image to the registry in its name, or under another name",
    customUsage: ["NAME", "NAME REGISTRY/PATH:TAG"],
  },
  parameters: {
    flags: {
      quiet: switchFlag("Print only the manifest's digest"),
      ...registryFlags,
      ...embedFlags,
    },
    aliases: { q: "quiet" },
    positional: {
      kind: "tuple",
      parameters: [
        argument("NAME", "Name or id"),
        { ...argument("DESTINATION", "Name that it gets in its registry (default: NAME)"), optional: true },
      ],
    },
  },
  async func(this: CliContext, flags, name, target) {
    const { quiet, tlsVerify: verifyTls, progress } = flags;
    const mode = quiet ? "quiet" : progressMode(progress);
    await using node = await nodeInUse(this, flags);
    const options = { verifyTls, ...(target === undefined ? {} : { target }) };
    const pushed = await showSteps(this.stderr, mode, node.client.images.pushSteps(name, options));
    await this.print(quiet ? `${pushed.digest}\n` : `${pushed.name} (${pushed.digest})\n`);
  },
});
