/** The reference of the command line, docs/cli.md, from the command table itself. */
import type { Command, RouteMap } from "@stricli/core";

import type { CliContext } from "./context.ts";
import { commandHelp, GLOBAL_HELP } from "./help.ts";
import { type CommandModule, VERBS } from "./verbs.ts";

const HEAD = `# The command line

Written by \`node tools/generate-cli-docs.ts\` from the command table; a test compares the two.

Results go to stdout, progress and warnings to stderr. Colours only on a terminal, and never with \`NO_COLOR\` set.

\`\`\`text
${GLOBAL_HELP}
\`\`\`

Flags are kubectl's where kubectl has them: short ones may be glued (\`-it\`, \`-nns\`), values come behind a space or \`=\`, of a
single flag that is given twice the last wins.

## Exit codes

| code | when |
|---|---|
| 0 | done |
| 1 | an error; \`wait\` timed out; \`doctor\` found something missing |
| 2 | wrong usage |
| 129, 130, 143 | \`play\` was ended by SIGHUP, Ctrl-C, SIGTERM |
| any | \`exec\`: the command's own; \`play\`: that of the container that failed, when one Pod failed (1 when several did) |

## JSONPath

\`-o jsonpath=TEMPLATE\`, \`wait --for=jsonpath=…\` and \`--sort-by\` know this part of kubectl's templates. A template is text with \`{…}\` in it:

| in the braces | meaning |
|---|---|
| \`.name\` \`['name']\` \`['a','b']\` | fields; \`\\.\` is a dot within a name |
| \`[0]\` \`[-1]\` \`[1:3]\` \`[*]\` \`.*\` | elements |
| \`..name\` | that field at any depth |
| \`[?(@.type=="Ready")]\` | filter; \`== != < <= > >=\`, or only a path: it exists |
| \`range PATH\` … \`end\` | repeats what is in between, with \`@\` the element |
| \`"\\n"\` | a literal text |

Functions, arithmetic and regular expressions are not there. A field that is missing gives nothing.
`;

/** The whole document. */
export async function cliReference(): Promise<string> {
  const sections: string[] = [HEAD];
  for (const [name, verb] of Object.entries(VERBS)) {
    const module = await verb.load();
    sections.push(`## minke ${name}\n`, ...describe(module.command, ["minke", name], module.examples));
  }
  return `${sections.join("\n").trimEnd()}\n`;
}

function describe(
  target: Command<CliContext> | RouteMap<CliContext>,
  prefix: readonly string[],
  examples: CommandModule["examples"],
): string[] {
  const help = commandHelp(target, prefix, examples)
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
  const own = `\`\`\`text\n${help}\`\`\`\n`;
  if ("parameters" in target) return [own];
  const below = target.getAllEntries().flatMap((entry) => {
    const path = [...prefix, entry.name.original];
    return [`### ${path.join(" ")}\n`, ...describe(entry.target, path, examples)];
  });
  return [own, ...below];
}
