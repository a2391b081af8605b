/** `minke serve`: run a node. Its flags are the daemon's own option table. */
import { buildCommand, type TypedFlagParameter } from "@stricli/core";

import type { CliContext } from "../context.ts";
import { listFrom, NODE_OPTIONS, type NodeOptions, serveNode } from "../embed.ts";
import { switchFlag, textFlag } from "../flags.ts";

type Flags = Readonly<Record<string, unknown>>;

export const examples = [
  ["The node of this machine", "minke serve"],
  ["Another one beside it", "minke serve --instance test --root /var/tmp/test --state /run/test"],
  ["Keep traces of Pod starts, for 'minke trace'", "minke serve --trace"],
] as const;
export const completes = ["none"] as const;

export const command = buildCommand<Flags, [], CliContext>({
  docs: {
    brief: "Run a node (the daemon)",
    fullDescription:
      "Runs until SIGTERM or SIGINT; its containers run on, and the next start adopts them. Each option is also an environment variable.",
  },
  parameters: { flags: optionFlags() },
  async func(this: CliContext, flags) {
    // A switch that was not given leaves the word to the environment.
    const given = Object.entries(flags).filter(([, value]) => value !== undefined && value !== false);
    await serveNode(Object.fromEntries(given) as NodeOptions);
  },
});

function optionFlags(): Record<string, TypedFlagParameter<string | undefined, CliContext>> {
  const flags = Object.entries(NODE_OPTIONS).map(([name, row]) => {
    const brief = `${row.doc} Default: ${row.defaultText}. Also $${row.env}`;
    if (!("placeholder" in row)) return [name, switchFlag(brief)];
    const flag = textFlag(brief, row.placeholder);
    return [name, "separator" in row ? { ...flag, parse: (text: string) => listFrom(text, row) } : flag];
  });
  return Object.fromEntries(flags) as Record<string, TypedFlagParameter<string | undefined, CliContext>>;
}
