/** `minke image rm`: remove images. */
import { buildCommand } from "@stricli/core";

import { isMinkeError } from "../../../base/errors.ts";
import type { CliContext, NodeFlags } from "../../context.ts";
import { EXIT, UsageError } from "../../exit.ts";
import { describeFailure } from "../../failure.ts";
import { argument, embedFlags, switchFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";

interface Flags extends NodeFlags {
  readonly ignoreNotFound: boolean;
}

export const command = buildCommand<Flags, string[], CliContext>({
  docs: {
    brief: "Remove names of images, and the images with their last name (by id: all names)",
    customUsage: ["NAME..."],
  },
  parameters: {
    flags: {
      ignoreNotFound: switchFlag("An image that does not exist is no error"),
      ...embedFlags,
    },
    positional: { kind: "array", parameter: argument("NAME", "Name or id") },
  },
  async func(this: CliContext, flags, ...names) {
    if (names.length === 0) throw new UsageError("no image was given");
    await using node = await nodeInUse(this, flags);
    for (const name of names) {
      try {
        await node.client.images.remove(name);
        await this.print(`Removed ${name}\n`);
      } catch (error) {
        if (!isMinkeError(error)) throw error;
        if (flags.ignoreNotFound && error.code === "NotFound") continue;
        this.note(describeFailure(error, this.env));
        this.exit(EXIT.error);
      }
    }
  },
});
