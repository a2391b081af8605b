/**
 * Events in their two forms: `v1`, in which they are stored, and `events.k8s.io/v1`, which names some fields anew. One
 * object seen twice (Kubernetes: pkg/apis/events/v1/conversion.go). Pure.
 */
import type { Event, EventsEvent } from "./gen/types.ts";

/** New name → name in `v1`. */
const RENAMED = {
  regarding: "involvedObject",
  note: "message",
  reportingController: "reportingComponent",
  deprecatedSource: "source",
  deprecatedFirstTimestamp: "firstTimestamp",
  deprecatedLastTimestamp: "lastTimestamp",
  deprecatedCount: "count",
} as const;

/** Go's zero time: the new form must have a time, the old one may go without. */
const ZERO_TIME = "0001-01-01T00:00:00Z";

/** An Event of either form as `v1`. */
export function coreEventOf(event: Event | EventsEvent): Event {
  if (event.apiVersion === "v1") return event as Event;
  const core: Record<string, unknown> = { ...event, apiVersion: "v1" };
  for (const [to, from] of Object.entries(RENAMED)) {
    delete core[to];
    if (event[to] !== undefined) core[from] = event[to];
  }
  core["involvedObject"] ??= {};
  if (core["eventTime"] === ZERO_TIME) delete core["eventTime"];
  return core as unknown as Event;
}

/** A `v1` Event as `events.k8s.io/v1`. */
export function newEventOf(core: Event): EventsEvent {
  const event: Record<string, unknown> = { eventTime: null, ...core, apiVersion: "events.k8s.io/v1" };
  for (const [to, from] of Object.entries(RENAMED)) {
    delete event[from];
    if (core[from] !== undefined) event[to] = core[from];
  }
  return event as unknown as EventsEvent;
}

/** The name in the new form of a field that Events are selected by. */
export function newEventField(field: string): string {
  if (field === "reportingComponent") return "reportingController";
  return field.replace(/^involvedObject\./, "regarding.");
}
