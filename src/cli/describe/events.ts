/** The events at the end of a description. */
import type { Event } from "../../api/gen/types.ts";
import { age } from "../../api/human-duration.ts";
import type { Description } from "./text.ts";

/** Oldest first; nothing at all when they are not to be shown. `now` in milliseconds since the epoch. */
export function describeEvents(out: Description, events: readonly Event[] | undefined, now: number): void {
  if (!events) return;
  if (events.length === 0) return void out.line(0, "Events:", "<none>");
  out.line(0, "Events:");
  out.line(1, "Type", "Reason", "Age", "From", "Message");
  out.line(1, "----", "------", "----", "----", "-------");
  const ordered = events.toSorted((a, b) => Date.parse(lastTime(a) ?? "") - Date.parse(lastTime(b) ?? ""));
  for (const event of ordered) {
    const count = event.series?.count ?? event.count ?? 1;
    const last = age(lastTime(event), now);
    const when = count > 1 ? `${last} (x${count} over ${age(event.firstTimestamp ?? event.eventTime, now)})` : last;
    const from = event.source?.component || event.reportingComponent || "";
    out.line(
      1,
      event.type ?? "",
      event.reason ?? "",
      when,
      from,
      (event.message ?? "").trim().replaceAll(/\s*\n\s*/g, " "),
    );
  }
}

function lastTime(event: Event): string | undefined {
  return event.series?.lastObservedTime ?? event.lastTimestamp ?? event.firstTimestamp ?? event.eventTime;
}
