/** `minke trace`: where the time of a Pod's start went. */
import { buildCommand } from "@stricli/core";

import type { CliContext, NodeFlags } from "../context.ts";
import { EXIT } from "../exit.ts";
import { argument, namespaceFlag, namespaceOf, nodeFlags, textFlag } from "../flags.ts";
import { jsonText } from "../output/document.ts";
import { traceTable } from "../output/trace-table.ts";
import { podNamed } from "../targets.ts";

interface Flags extends NodeFlags {
  readonly namespace: string | undefined;
  readonly output: string | undefined;
}

export const examples = [["Which step of the start took how many milliseconds", "minke trace web"]] as const;
export const completes = ["pod"] as const;

export const command = buildCommand<Flags, [string], CliContext>({
  docs: { brief: "Show where the time of a Pod's start went (needs a node that was started with --trace)" },
  parameters: {
    flags: { output: textFlag("json", "format"), ...namespaceFlag, ...nodeFlags },
    aliases: { n: "namespace", o: "output" },
    positional: { kind: "tuple", parameters: [argument("POD", "NAME or pod/NAME")] },
  },
  async func(this: CliContext, flags, arg) {
    const pods = (await this.client(flags)).pods(namespaceOf(flags));
    const spans = await pods.trace(podNamed(arg));
    if (flags.output === "json") return await this.print(jsonText(spans));
    if (spans.length > 0) return await this.print(traceTable(spans));
    this.note(
      `error: there is no trace of pod ${podNamed(arg)}; traces are kept by a node that was started with 'minke serve --trace'`,
    );
    this.exit(EXIT.error);
  },
});
