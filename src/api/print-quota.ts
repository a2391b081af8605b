/** Rows of resource quotas. */
import type { ResourceQuota } from "./gen/types.ts";
import { age } from "./human-duration.ts";
import { canonicalQuantity } from "./quantity.ts";
import { AGE, column, NAME, type Printer } from "./printer.ts";

export const printResourceQuota: Printer = {
  columns: [
    NAME,
    column("Request", "What may be asked for and counted: used/hard."),
    column("Limit", "What may be used at most: used/hard."),
    AGE,
  ],
  cells(object, now) {
    const { metadata, status } = object as ResourceQuota;
    const shares = Object.keys(status?.hard ?? {})
      .sort()
      .map((name) => ({
        limit: name.startsWith("limits."),
        text: `${name}: ${canonicalQuantity(status?.used?.[name] ?? "0")}/${canonicalQuantity(status!.hard![name]!)}`,
      }));
    const text = (limit: boolean): string =>
      shares
        .filter((share) => share.limit === limit)
        .map((share) => share.text)
        .join(", ");
    return [metadata.name ?? "", text(false), text(true), age(metadata.creationTimestamp, now)];
  },
};
