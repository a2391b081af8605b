/** `minke image verify`: whether what is stored is still whole. */
import { buildCommand } from "@stricli/core";

import type { CliContext, NodeFlags } from "../../context.ts";
import { EXIT } from "../../exit.ts";
import { argument, embedFlags, textFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";
import { Columns } from "../../output/columns.ts";
import { documentFormat } from "../../output/document.ts";

interface Flags extends NodeFlags {
  readonly output: string | undefined;
}

export const command = buildCommand<Flags, [string?], CliContext>({
  docs: { brief: "Read and digest all content of an image, or of all images", customUsage: ["", "NAME"] },
  parameters: {
    flags: { output: textFlag("json or yaml", "format"), ...embedFlags },
    aliases: { o: "output" },
    positional: {
      kind: "tuple",
      parameters: [{ ...argument("NAME", "Name or id (default: all images)"), optional: true }],
    },
  },
  async func(this: CliContext, flags, name) {
    const format = documentFormat(flags.output);
    await using node = await nodeInUse(this, flags);
    const images = await node.client.images.verify(name);
    if (images.some(({ problems }) => problems.length > 0)) this.exit(EXIT.error);
    if (format) return await this.print(await format(images));
    const rows = images.map(({ id, names, problems }) => [
      names[0] ?? id,
      problems.length === 0 ? "ok" : problems.join("; "),
    ]);
    await this.print(new Columns().lines([["IMAGE", "STATE"], ...rows]));
  },
});
