/** Events of both forms (Kubernetes: pkg/apis/core/validation/events.go). */
import { equalJson } from "./equal.ts";
import { coreEventOf } from "./event-form.ts";
import { type FieldError, invalid, required } from "./field-error.ts";
import type { Event, EventsEvent } from "./gen/types.ts";
import { qualifiedNameFaults } from "./names.ts";
import { faults } from "./validate-meta.ts";

const NAME_MAX = 128;
const NOTE_MAX = 1024;

/** Whether it came in the new form, whose rules are stricter; such an Event always has a time of its own. */
function isNew(event: Event | EventsEvent): boolean {
  return event.apiVersion !== "v1";
}

export function* validateEvent(given: Event | EventsEvent): Generator<FieldError> {
  const event = coreEventOf(given);
  yield* validatePlace(event);
  if (event.eventTime) yield* validateReport(event, isNew(given) ? "reportingController" : "reportingComponent");
  if (!isNew(given)) return;
  yield* validateSeries(event);
  if (!event.eventTime) yield required("eventTime");
  if (event.type !== "Normal" && event.type !== "Warning") {
    yield invalid("type", "", `has invalid value: ${event.type ?? ""}`);
  }
  for (const field of ["firstTimestamp", "lastTimestamp", "count", "source"] as const) {
    const value = event[field];
    if (value && !equalJson(value, {})) yield invalid(field, "", "needs to be unset");
  }
}

function* validatePlace({ metadata, involvedObject, eventTime }: Event): Generator<FieldError> {
  const { namespace = "" } = metadata;
  const about = involvedObject?.namespace ?? "";
  const homeless = namespace === "default" || (eventTime !== undefined && namespace === "kube-system");
  const fits = about === "" ? homeless : eventTime !== undefined || about === namespace;
  if (!fits) yield invalid("involvedObject.namespace", about, "does not match event.namespace");
}

function* validateReport(event: Event, controllerField: string): Generator<FieldError> {
  const { reportingComponent = "", reportingInstance = "", action = "", reason = "", message = "" } = event;
  if (reportingComponent === "") yield required(controllerField);
  yield* faults(controllerField, reportingComponent, qualifiedNameFaults(reportingComponent));
  for (const [field, value] of Object.entries({ reportingInstance, action, reason })) {
    if (value === "") yield required(field);
    if (value.length > NAME_MAX) yield invalid(field, "", `can have at most ${NAME_MAX} characters`);
  }
  if (message.length > NOTE_MAX) yield invalid("message", "", `can have at most ${NOTE_MAX} characters`);
}

function* validateSeries({ series }: Event): Generator<FieldError> {
  if (!series) return;
  if ((series.count ?? 0) < 2) yield invalid("series.count", "", "should be at least 2");
  if (!series.lastObservedTime) yield required("series.lastObservedTime");
}

const FIXED = [
  "involvedObject",
  "reason",
  "message",
  "source",
  "firstTimestamp",
  "lastTimestamp",
  "count",
  "type",
  "eventTime",
  "action",
  "related",
  "reportingComponent",
  "reportingInstance",
] as const;

/** In the new form only the series of an Event goes on. */
export function* validateEventUpdate(next: Event | EventsEvent, previous: Event | EventsEvent): Generator<FieldError> {
  if (!isNew(next)) return;
  const [to, from] = [coreEventOf(next), coreEventOf(previous)];
  for (const field of FIXED) {
    const shown = field === "reportingComponent" ? "reportingController" : field;
    if (!equalJson(to[field], from[field])) yield invalid(shown, to[field] ?? null, "field is immutable");
  }
}
