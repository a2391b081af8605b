/** `minke image df`: what images take on the disk. */
import { buildCommand } from "@stricli/core";

import type { DiskUsage } from "../../../sdk/images.ts";
import type { CliContext, NodeFlags } from "../../context.ts";
import { embedFlags, textFlag } from "../../flags.ts";
import { nodeInUse } from "../../node-in-use.ts";
import { bytesText } from "../../output/bytes.ts";
import { Columns } from "../../output/columns.ts";
import { documentFormat } from "../../output/document.ts";

interface Flags extends NodeFlags {
  readonly output: string | undefined;
}

export const command = buildCommand<Flags, [], CliContext>({
  docs: { brief: "What images take on the disk, and what no Pod needs of it" },
  parameters: {
    flags: { output: textFlag("json or yaml", "format"), ...embedFlags },
    aliases: { o: "output" },
  },
  async func(this: CliContext, flags) {
    const format = documentFormat(flags.output);
    await using node = await nodeInUse(this, flags);
    const usage = await node.client.images.diskUsage();
    await this.print(format ? await format(usage) : tableOf(usage));
  },
});

const NAMES = { blobs: "Blobs", layers: "Layers (unpacked)", partial: "Downloads that broke off" } as const;

/** As `docker system df` has it. */
function tableOf({ images, rows }: DiskUsage): string {
  const lines = rows.map(({ type, total, active, sizeBytes, reclaimableBytes }) => {
    const part = sizeBytes === 0 ? 0 : Math.round((100 * reclaimableBytes) / sizeBytes);
    return [
      NAMES[type],
      String(total),
      String(active),
      bytesText(sizeBytes),
      `${bytesText(reclaimableBytes)} (${part}%)`,
    ];
  });
  const sum = (of: "sizeBytes" | "reclaimableBytes"): string =>
    bytesText(rows.reduce((bytes, row) => bytes + row[of], 0));
  const all = ["Images", String(images.total), String(images.active), sum("sizeBytes"), sum("reclaimableBytes")];
  return new Columns().lines([["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"], all, ...lines]);
}
