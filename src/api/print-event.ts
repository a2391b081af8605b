/** Rows of Events. */
import { coreEventOf } from "./event-form.ts";
import type { Event } from "./gen/types.ts";
import { age } from "./human-duration.ts";
import { column, NAME, type Printer } from "./printer.ts";

export const printEvent: Printer = {
  columns: [
    column("Last Seen", "When the event was seen last."),
    column("Type", "Normal or Warning."),
    column("Reason", "Why it happened, as one word."),
    column("Object", "What it is about."),
    column("Subobject", "The part of the object that it is about.", "wide"),
    column("Source", "Who reported it.", "wide"),
    column("Message", "What happened."),
    column("First Seen", "When the event was seen first.", "wide"),
    column("Count", "How often it was seen.", "wide"),
    { ...NAME, priority: 1 },
  ],
  cells(object, now) {
    const event = coreEventOf(object as Event);
    const { involvedObject: about, source, series } = event;
    const first = age(event.firstTimestamp ?? event.eventTime, now);
    const last = event.lastTimestamp ? age(event.lastTimestamp, now) : first;
    const kind = (about.kind ?? "").toLowerCase();
    const reporter = source?.component || event.reportingComponent || "";
    const instance = source?.host || event.reportingInstance || "";
    return [
      series ? age(series.lastObservedTime, now) : last,
      event.type ?? "",
      event.reason ?? "",
      about.name ? `${kind}/${about.name}` : kind,
      about.fieldPath ?? "",
      instance === "" ? reporter : `${reporter}, ${instance}`,
      (event.message ?? "").trim(),
      first,
      series ? (series.count ?? 0) : event.count || 1,
      event.metadata.name ?? "",
    ];
  },
};
