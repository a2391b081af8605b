/** `minke image tag`: another name for an image. */
import { buildCommand } from "@stricli/core";

import type { CliContext, NodeFlags } from "../../context.ts";
import { argument, embedFlags } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";

interface Flags extends NodeFlags {
  readonly root: string | undefined;
}

export const command = buildCommand<Flags, [string, string], CliContext>({
  docs: { brief: "Give an image another name", customUsage: ["SOURCE TARGET"] },
  parameters: {
    flags: { ...embedFlags },
    positional: { kind: "tuple", parameters: [argument("SOURCE", "Name or id"), argument("TARGET", "The new name")] },
  },
  async func(this: CliContext, flags, source, target) {
    await using node = await nodeInUse(this, flags);
    await node.client.images.tag(source, target);
  },
});
