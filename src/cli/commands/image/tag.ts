/** `minke image tag`: another name for an image. */
import { buildCommand } from "@stricli/core";

import type { CliContext, NodeFlags } from "../../context.ts";
import { argument, nodeFlags, textFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";

interface Flags extends NodeFlags {
  readonly root: string | undefined;
}

export const command = buildCommand<Flags, [string, string], CliContext>({
  docs: { brief: "Give an image another name", customUsage: ["SOURCE TARGET"] },
  parameters: {
    flags: { root: textFlag("Root directory, when no node runs (default /var/lib/minke)", "dir"), ...nodeFlags },
    positional: { kind: "tuple", parameters: [argument("SOURCE", "Name or id"), argument("TARGET", "The new name")] },
  },
  async func(this: CliContext, flags, source, target) {
    await using node = await nodeInUse(this, flags);
    await node.client.images.tag(source, target);
  },
});
