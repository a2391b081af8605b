/** `minke image import`: make an image of a root file system's tar. */
import { buildCommand } from "@stricli/core";

import { archiveSource } from "../../archive-source.ts";
import type { CliContext, NodeFlags } from "../../context.ts";
import { UsageError } from "../../exit.ts";
import { argument, embedFlags, switchFlag, textFlag, textsFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";

interface Flags extends NodeFlags {
  readonly entrypoint: readonly string[] | undefined;
  readonly cmd: readonly string[] | undefined;
  readonly env: readonly string[] | undefined;
  readonly workdir: string | undefined;
  readonly user: string | undefined;
  readonly port: readonly string[] | undefined;
  readonly quiet: boolean;
}

const FORMS = "words as a shell splits them, a JSON array, or the flag once for each word";

export const command = buildCommand<Flags, [string, string], CliContext>({
  docs: {
    brief: "Make an image of a root file system's tar (plain, gzip or zstd)",
    customUsage: ["[flags] ROOTFS.tar|- NAME"],
  },
  parameters: {
    flags: {
      entrypoint: textsFlag(`What the image runs: ${FORMS}`, "command"),
      cmd: textsFlag(`Default arguments (or command): ${FORMS}`, "command"),
      env: textsFlag("An environment variable; may be repeated", "NAME=value"),
      workdir: textFlag("Working directory", "dir"),
      user: textFlag("User, such as 1000, www-data or 1000:1000", "user"),
      port: textsFlag("A port that the image listens on, such as 80 or 53/udp; may be repeated", "port"),
      quiet: switchFlag("Print only the id"),
      ...embedFlags,
    },
    aliases: { e: "env", w: "workdir", u: "user", p: "port", q: "quiet" },
    positional: {
      kind: "tuple",
      parameters: [
        argument("ROOTFS.tar", "The archive, or - for standard input"),
        argument("NAME", "The image's name"),
      ],
    },
  },
  async func(this: CliContext, flags, file, name) {
    for (const pair of flags.env ?? []) {
      if (!/^[^=]+=/.test(pair)) throw new UsageError(`--env ${pair} is not NAME=value`);
    }
    const tar = await archiveSource(this, file);
    await using node = await nodeInUse(this, flags);
    const image = await node.client.images.import(tar, {
      name,
      ...(flags.entrypoint === undefined ? {} : { entrypoint: wordsOf("--entrypoint", flags.entrypoint) }),
      ...(flags.cmd === undefined ? {} : { cmd: wordsOf("--cmd", flags.cmd) }),
      ...(flags.env === undefined ? {} : { env: flags.env }),
      ...(flags.workdir === undefined ? {} : { workingDir: flags.workdir }),
      ...(flags.user === undefined ? {} : { user: flags.user }),
      ...(flags.port === undefined ? {} : { ports: flags.port }),
    });
    await this.print(flags.quiet ? `${image.id}\n` : `Imported ${image.repoTags.at(-1) ?? name} (${image.id})\n`);
  },
});

/**
 * The words of a command: one value is a JSON array of texts, or words as a shell splits them (quotes and backslash); of
 * several values each is one word, as it stands.
 */
export function wordsOf(flag: string, values: readonly string[]): readonly string[] {
  const [text = ""] = values;
  if (values.length > 1) return values;
  if (!text.trimStart().startsWith("[")) return shellWords(flag, text);
  try {
    const words: unknown = JSON.parse(text);
    if (Array.isArray(words) && words.every((word) => typeof word === "string")) return words;
  } catch {
    // Said below.
  }
  throw new UsageError(`${flag} ${text} is not a JSON array of texts, such as '["nginx","-g","daemon off;"]'`);
}

function shellWords(flag: string, text: string): readonly string[] {
  const WORD = /\s*((?:[^\s'"\\]|'[^']*'|"(?:[^"\\]|\\.)*"|\\.)+)|\s*$/suy;
  const words: string[] = [];
  while (WORD.lastIndex < text.length) {
    const match = WORD.exec(text);
    if (!match) throw new UsageError(`${flag} ${text} has a quote or a backslash without its end`);
    if (match[1] === undefined) break;
    words.push(match[1].replaceAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/gsu, unquoted));
  }
  return words;
}

function unquoted(_all: string, single?: string, double?: string, escaped?: string): string {
  return single ?? double?.replaceAll(/\\(["\\$`])/gu, "$1") ?? escaped ?? "";
}
