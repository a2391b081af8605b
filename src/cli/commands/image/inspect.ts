/** `minke image inspect`: all about images. */
import { buildCommand } from "@stricli/core";

import type { CliContext, NodeFlags } from "../../context.ts";
import { UsageError } from "../../exit.ts";
import { argument, embedFlags, textFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";
import { jsonText, yamlText } from "../../output/document.ts";

interface Flags extends NodeFlags {
  readonly output: string | undefined;
}

export const command = buildCommand<Flags, string[], CliContext>({
  docs: { brief: "All about one image or more, as JSON", customUsage: ["NAME..."] },
  parameters: {
    flags: {
      output: textFlag("json (default) or yaml", "format"),
      ...embedFlags,
    },
    aliases: { o: "output" },
    positional: { kind: "array", parameter: argument("NAME", "Name or id") },
  },
  async func(this: CliContext, flags, ...names) {
    if (names.length === 0) throw new UsageError("no image was given");
    await using node = await nodeInUse(this, flags);
    const images = [];
    for (const name of names) images.push(await node.client.images.get(name));
    const value = images.length === 1 ? images[0] : images;
    await this.print(flags.output === "yaml" ? await yamlText(value) : jsonText(value));
  },
});
