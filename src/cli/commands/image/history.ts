/** `minke image history`: how an image was made. */
import { buildCommand } from "@stricli/core";

import { humanDuration } from "../../../api/human-duration.ts";
import type { HistoryStep } from "../../../sdk/images.ts";
import type { CliContext, NodeFlags } from "../../context.ts";
import { argument, embedFlags, switchFlag, textFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";
import { bytesText } from "../../output/bytes.ts";
import { Columns } from "../../output/columns.ts";
import { documentFormat } from "../../output/document.ts";

interface Flags extends NodeFlags {
  readonly output: string | undefined;
  readonly noTrunc: boolean;
}

/** Characters of a step and of a layer's digest that are shown, as docker has them. */
const STEP_WIDTH = 45;
const SHORT_DIGEST = 12;

export const command = buildCommand<Flags, [string], CliContext>({
  docs: { brief: "How an image was made, newest step first", customUsage: ["NAME"] },
  parameters: {
    flags: {
      output: textFlag("json or yaml", "format"),
      noTrunc: switchFlag("Whole steps and digests"),
      ...embedFlags,
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [argument("NAME", "Name or id")] },
  },
  async func(this: CliContext, flags, name) {
    const format = documentFormat(flags.output);
    await using node = await nodeInUse(this, flags);
    const steps = await node.client.images.history(name);
    if (format) return await this.print(await format(steps));
    const rows = steps.map((step) => rowOf(step, this.clock.now(), flags.noTrunc));
    await this.print(new Columns().lines([["LAYER", "AGE", "CREATED BY", "SIZE", "COMMENT"], ...rows]));
  },
});

function rowOf(step: HistoryStep, now: number, isWhole: boolean): string[] {
  const digest = step.layer?.replace("sha256:", "") ?? "<none>";
  const age = step.createdMs > 0 ? humanDuration(now - step.createdMs) : "<unknown>";
  const made = step.createdBy.replaceAll(/\s+/g, " ").trim() || "<unknown>";
  const short = made.length > STEP_WIDTH ? `${made.slice(0, STEP_WIDTH - 1)}…` : made;
  const comment = step.comment.replaceAll(/\s+/g, " ");
  return [
    isWhole ? digest : digest.slice(0, SHORT_DIGEST),
    age,
    isWhole ? made : short,
    bytesText(step.sizeBytes),
    comment,
  ];
}
