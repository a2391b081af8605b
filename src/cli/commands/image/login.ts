/** `minke image login`: give the node a password for a registry. */
import { buildCommand } from "@stricli/core";

import type { CliContext, NodeFlags } from "../../context.ts";
import { UsageError } from "../../exit.ts";
import { argument, embedFlags, registryFlags, switchFlag, textFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";

interface Flags extends NodeFlags {
  readonly username: string | undefined;
  readonly passwordStdin: boolean;
  readonly tlsVerify: boolean;
}

/** Characters; tokens of clouds have some thousands. */
const PASSWORD_MAX = 64 * 1024;

export const command = buildCommand<Flags, [string], CliContext>({
  docs: { brief: "Log the node in to a registry", customUsage: ["-u USER --password-stdin REGISTRY < FILE"] },
  parameters: {
    flags: {
      username: textFlag("Who logs in", "user"),
      passwordStdin: switchFlag("Read the password or token from standard input"),
      tlsVerify: registryFlags.tlsVerify,
      ...embedFlags,
    },
    aliases: { u: "username" },
    positional: { kind: "tuple", parameters: [argument("REGISTRY", "HOST or HOST:PORT, such as docker.io")] },
  },
  async func(this: CliContext, flags, registry) {
    const { username, tlsVerify: verifyTls } = flags;
    if (username === undefined) throw new UsageError("no user was given; use -u USER");
    // Arguments are for all to see, in the shell's history and in /proc.
    if (!flags.passwordStdin) throw new UsageError("pipe the password into --password-stdin");
    const password = await readPassword(this.stdin);
    await using node = await nodeInUse(this, flags);
    const keptIn = await node.client.images.login(registry, { username, password }, { verifyTls });
    await this.print(`Logged in to ${registry}; kept in ${keptIn}\n`);
  },
});

/** All of standard input but the line end at its end, as docker and podman read it. */
async function readPassword(stdin: NodeJS.ReadStream): Promise<string> {
  if (stdin.isTTY) throw new UsageError("standard input is a terminal, which would show the password; pipe it in");
  let text = "";
  for await (const chunk of stdin.setEncoding("utf8")) {
    text += String(chunk);
    if (text.length > PASSWORD_MAX) throw new UsageError(`the password is longer than ${PASSWORD_MAX} characters`);
  }
  const password = text.replace(/\r?\n$/, "");
  if (password === "") throw new UsageError("the password on standard input is empty");
  return password;
}
