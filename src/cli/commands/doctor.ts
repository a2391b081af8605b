/** `minke doctor`: what this machine has and lacks. */
import { buildCommand } from "@stricli/core";

import { isMinkeError, messageOf } from "../../base/errors.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import type { Requirement } from "../embed.ts";
import { EXIT, UsageError } from "../exit.ts";
import { embedFlags, textFlag } from "../flags.ts";
import { painterFor } from "../output/colour.ts";
import { Columns } from "../output/columns.ts";
import { jsonText } from "../output/document.ts";

interface Flags extends NodeFlags {
  readonly output: string | undefined;
}

export const examples = [
  ["What is there, what is missing, and what to do about it", "minke doctor"],
  ["For machines", "minke doctor -o json"],
] as const;
export const completes = ["none"] as const;

export const command = buildCommand<Flags, [], CliContext>({
  docs: {
    brief: "Check what this machine has and lacks",
    fullDescription: "Exit code 1 when something that Minke needs is missing. Changes nothing.",
  },
  parameters: {
    flags: {
      output: textFlag("json", "format"),
      ...embedFlags,
    },
    aliases: { o: "output" },
  },
  async func(this: CliContext, flags) {
    if (flags.output !== undefined && flags.output !== "json") throw new UsageError(`-o ${flags.output} is not json`);
    const { examineHost } = await import("../embed.ts");
    const { output: _, ...given } = flags;
    const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const findings = [...(await examineHost(options)), await checkDaemon(this, flags)];
    if (findings.some((finding) => finding.status === "missing")) this.exit(EXIT.error);
    await this.print(flags.output === "json" ? jsonText(findings) : report(this, findings));
  },
});

async function checkDaemon(context: CliContext, flags: Flags): Promise<Requirement> {
  const client = await context.client(flags);
  try {
    const info = await client.info();
    return { name: "node", status: "found", detail: `version ${info.version} answers at ${client.target}`, remedy: "" };
  } catch (error) {
    if (isMinkeError(error) && error.reason === "NoNode") {
      return {
        name: "node",
        status: "found",
        detail: `none runs at ${client.target}; 'minke serve' starts one`,
        remedy: "",
      };
    }
    return { name: "node", status: "warning", detail: messageOf(error), remedy: "see the node's log" };
  }
}

/** A table; what to do stands on a line of its own, so that it can be copied. */
function report(context: CliContext, findings: readonly Requirement[]): string {
  const paint = painterFor(context.stdout, context.env);
  const style = { found: "green", warning: "yellow", missing: "red" } as const;
  const rows = findings.map(({ name, status, detail }) => [name, status, detail]);
  const [header = "", ...lines] = new Columns()
    .lines([["CHECK", "RESULT", "DETAIL"], ...rows])
    .trimEnd()
    .split("\n");
  // Coloured behind the layout, so that escape codes do not count as width.
  const painted = findings.map(({ status, remedy }, i) => {
    const line = (lines[i] ?? "").replace(` ${status} `, ` ${paint(style[status], status)} `);
    return status === "found" || remedy === "" ? `${line}\n` : `${line}\n    -> ${remedy}\n`;
  });
  return `${header}\n${painted.join("")}`;
}
