/** Help texts: examples first, then the usage. */
import { type Command, type RouteMap, text_en } from "@stricli/core";

import type { CliContext } from "./context.ts";
import { type CommandModule, type Verb, VERBS } from "./verbs.ts";

export const GLOBAL_HELP = `Flags that every command of a node takes, before or after the verb:
  -n, --namespace NS   Namespace (default: default)
      --instance NAME  The node's instance (default: minke, or $MINKE_INSTANCE)
      --state DIR      The node's state directory (default: /run/minke, or $MINKE_STATE)
  -h, --help           Help on a command: minke COMMAND --help`;

/** What `minke` and `minke --help` print. */
export function rootHelp(): string {
  const groups: Verb["group"][] = ["Pods", "Look", "Images", "Node"];
  const width = Math.max(...Object.keys(VERBS).map((name) => name.length));
  const sections = groups.map((group) => {
    const verbs = Object.entries(VERBS).filter(([, verb]) => verb.group === group);
    return `${group}:\n${verbs.map(([name, verb]) => `  ${name.padEnd(width)}  ${verb.brief}`).join("\n")}`;
  });
  return `Minke runs Kubernetes Pods on one Linux machine, without a cluster.

Examples:
  # Run a Pod in the foreground; Ctrl-C stops and removes it
  minke play pod.yaml

  # Run a node, and use it as you use a cluster
  minke serve &
  minke apply -f pod.yaml
  minke get pods

${sections.join("\n\n")}

${GLOBAL_HELP}
`;
}

/** Help on a command or a group of commands. `prefix` is how it is called: `["minke", "image", "import"]`. */
export function commandHelp(
  target: Command<CliContext> | RouteMap<CliContext>,
  prefix: readonly string[],
  examples: CommandModule["examples"],
): string {
  const line = prefix.join(" ");
  const mine = examples.filter(([, example]) => example.includes(line));
  const shown = (mine.length > 0 ? mine : examples).map(([what, example]) => `  # ${what}\n  ${example}`).join("\n\n");
  const usage = target.formatHelp({
    prefix,
    config: { useAliasInUsageLine: true, onlyRequiredInUsageLine: true, caseStyle: "convert-camel-to-kebab" },
    text: text_en,
    additionalFlags: [{ name: "help", aliases: ["h"], brief: "Print this help" }],
    includeArgumentEscapeSequenceFlag: false,
    includeHidden: false,
    ansiColor: false,
  });
  // Without a longer description the usage repeats the short one, which stands at the top already.
  const rest = usage.replace(`\n${target.brief}\n`, "").trimEnd();
  return `${target.brief}.\n\nEXAMPLES\n${shown}\n\n${rest}\n`;
}
