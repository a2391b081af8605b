/** `minke version`: versions of the client, the node and its tools. */
import { buildCommand } from "@stricli/core";

import { isMinkeError } from "../../base/errors.ts";
import { VERSION } from "../../base/version.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import { EXIT } from "../exit.ts";
import { describeFailure } from "../failure.ts";
import { nodeFlags, switchFlag, textFlag } from "../flags.ts";

interface Flags extends NodeFlags {
  readonly client: boolean;
  readonly output: string | undefined;
}

export const examples = [
  ["Versions of the client, the node, crun and conmon", "minke version"],
  ["Only the client's, without asking a node", "minke version --client"],
] as const;
export const completes = ["none"] as const;

export const command = buildCommand<Flags, [], CliContext>({
  docs: { brief: "Print versions" },
  parameters: {
    flags: {
      client: switchFlag("Only the client's version"),
      output: textFlag("json or yaml", "format"),
      ...nodeFlags,
    },
    aliases: { o: "output" },
  },
  async func(this: CliContext, flags) {
    const versions: Record<string, unknown> = { client: { version: VERSION, node: process.version } };
    if (!flags.client) {
      const client = await this.client(flags);
      try {
        const [server, info] = await Promise.all([client.version(), client.info()]);
        versions["server"] = { version: info.version, kubernetes: server.gitVersion };
        for (const name of ["crun", "conmon", "cgroup", "kernel"] as const) versions[name] = info[name];
      } catch (error) {
        if (!isMinkeError(error)) throw error;
        // The client's version is still worth printing.
        this.note(describeFailure(error, this.env));
        this.exit(EXIT.error);
      }
    }
    await this.print(await textOf(versions, flags.output));
  },
});

async function textOf(versions: Readonly<Record<string, unknown>>, output: string | undefined): Promise<string> {
  if (output === "json") return (await import("../output/document.ts")).jsonText(versions);
  if (output === "yaml") return await (await import("../output/document.ts")).yamlText(versions);
  return Object.entries(versions)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${line(value)}\n`)
    .join("");
}

function line(value: unknown): string {
  if (typeof value !== "object" || value === null) return typeof value === "string" ? value : JSON.stringify(value);
  const { version, ...rest } = value as Record<string, unknown>;
  const more = Object.entries(rest).map(
    ([name, inner]) => `${name} ${typeof inner === "string" ? inner : JSON.stringify(inner)}`,
  );
  const head = version === undefined ? "" : line(version);
  return more.length === 0 ? head : `${head}${head === "" ? "" : " "}(${more.join(", ")})`;
}
