/** `minke image ls`: all images. */
import { buildCommand } from "@stricli/core";

import { humanDuration } from "../../../api/human-duration.ts";
import type { Image } from "../../../sdk/images.ts";
import type { CliContext, NodeFlags } from "../../context.ts";
import { argument, embedFlags, switchFlag, textFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";
import { bytesText } from "../../output/bytes.ts";
import { Columns } from "../../output/columns.ts";
import { jsonText, yamlText } from "../../output/document.ts";
import { UsageError } from "../../exit.ts";

interface Flags extends NodeFlags {
  readonly output: string | undefined;
  readonly quiet: boolean;
  readonly noHeaders: boolean;
}

/** Hex digits of an id that are shown. */
const SHORT_ID = 12;

export const command = buildCommand<Flags, string[], CliContext>({
  docs: { brief: "All images" },
  parameters: {
    flags: {
      output: textFlag("json, yaml or name", "format"),
      quiet: switchFlag("Only ids"),
      noHeaders: switchFlag("No header line"),
      ...embedFlags,
    },
    aliases: { o: "output", q: "quiet" },
    positional: { kind: "array", parameter: argument("TEXT", "Only images whose name holds this"), maximum: 1 },
  },
  async func(this: CliContext, flags, text) {
    if (!["json", "yaml", "name", undefined].includes(flags.output))
      throw new UsageError(`-o ${flags.output} is not one of json, yaml, name`);
    await using node = await nodeInUse(this, flags);
    const all = await node.client.images.list();
    const images = text === undefined ? all : all.filter((image) => image.repoTags.some((tag) => tag.includes(text)));
    if (flags.quiet) return await this.print(images.map((image) => `${image.id}\n`).join(""));
    if (flags.output === "json") return await this.print(jsonText(images));
    if (flags.output === "yaml") return await this.print(await yamlText(images));
    if (flags.output === "name")
      return await this.print(
        images
          .flatMap((image) => image.repoTags)
          .map((tag) => `${tag}\n`)
          .join(""),
      );
    const rows = images.flatMap((image) => rowsOf(image, this.clock.now()));
    const header = flags.noHeaders ? [] : [["REPOSITORY", "TAG", "IMAGE ID", "AGE", "SIZE"]];
    await this.print(new Columns().lines([...header, ...rows]));
  },
});

function rowsOf(image: Image, now: number): string[][] {
  const id = image.id.replace("sha256:", "").slice(0, SHORT_ID);
  const age = image.createdMs > 0 ? humanDuration(now - image.createdMs) : "<unknown>";
  const names = image.repoTags.length > 0 ? image.repoTags : ["<none>:<none>"];
  return names.map((name) => {
    const colon = name.lastIndexOf(":");
    return [name.slice(0, colon), name.slice(colon + 1), id, age, bytesText(image.sizeBytes)];
  });
}
