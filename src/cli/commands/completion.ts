/** `minke completion`: print a shell's completion script. */
import { buildCommand } from "@stricli/core";

import { scriptFor, SHELLS } from "../completion/script.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import { UsageError } from "../exit.ts";
import { argument, nodeFlags } from "../flags.ts";

export const examples = [
  ["bash, for this shell", "source <(minke completion bash)"],
  ["zsh, for all shells", 'minke completion zsh > "${fpath[1]}/_minke"'],
  ["fish, for all shells", "minke completion fish > ~/.config/fish/completions/minke.fish"],
] as const;
export const completes = ["none"] as const;

export const command = buildCommand<NodeFlags, [string], CliContext>({
  docs: { brief: "Print a shell's completion script", customUsage: [SHELLS.join("|")] },
  parameters: { flags: nodeFlags, positional: { kind: "tuple", parameters: [argument("SHELL", SHELLS.join(", "))] } },
  async func(this: CliContext, _flags, shell) {
    const script = scriptFor(shell);
    if (script === undefined)
      throw new UsageError(`there is no completion for "${shell}"; there is one for ${SHELLS.join(", ")}`);
    await this.print(script);
  },
});
