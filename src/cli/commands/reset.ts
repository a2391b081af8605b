/** `minke reset`: remove all that an instance ever made on this machine. */
import { buildCommand } from "@stricli/core";

import { addressOf, type CliContext, type NodeFlags } from "../context.ts";
import { UsageError } from "../exit.ts";
import { embedFlags, switchFlag, textFlag } from "../flags.ts";

interface Flags extends NodeFlags {
  readonly logs: string | undefined;
  readonly yes: boolean;
}

export const examples = [
  ["Remove all of the default instance: Pods, volumes, images, networks", "minke reset --yes"],
  ["… of another one", "minke reset --yes --instance test --root /var/tmp/test --state /run/test"],
] as const;
export const completes = ["none"] as const;

export const command = buildCommand<Flags, [], CliContext>({
  docs: { brief: "Remove all that an instance ever made on this machine: Pods, volumes, images, networks" },
  parameters: {
    flags: {
      yes: switchFlag("Do it; without this, nothing is removed"),
      logs: textFlag("Its log directory", "dir"),
      ...embedFlags,
    },
  },
  async func(this: CliContext, flags) {
    const { instance = "minke" } = addressOf(flags, this.env);
    if (!flags.yes) {
      throw new UsageError(
        `this removes all Pods, volumes and images of instance "${instance}" for good; say so with --yes`,
      );
    }
    const { resetNode } = await import("../embed.ts");
    const { yes: _, ...given } = flags;
    const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    await resetNode(options, (line) => this.note(line));
    this.note(`Removed all of instance "${instance}"`);
  },
});
