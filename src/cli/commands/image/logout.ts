/** `minke image logout`: make the node forget its passwords for a registry. */
import { buildCommand } from "@stricli/core";

import type { CliContext, NodeFlags } from "../../context.ts";
import { argument, embedFlags } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";

export const command = buildCommand<NodeFlags, [string], CliContext>({
  docs: { brief: "Make the node forget its passwords for a registry", customUsage: ["REGISTRY"] },
  parameters: {
    flags: { ...embedFlags },
    positional: { kind: "tuple", parameters: [argument("REGISTRY", "HOST or HOST:PORT, such as docker.io")] },
  },
  async func(this: CliContext, flags, registry) {
    await using node = await nodeInUse(this, flags);
    const places = await node.client.images.logout(registry);
    if (places.length === 0) return this.note(`The node was not logged in to ${registry}`);
    await this.print(places.map((place) => `Removed from ${place}\n`).join(""));
  },
});
