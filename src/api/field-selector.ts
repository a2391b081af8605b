/**
 * Field selectors: `metadata.name=x,status.phase!=Running`. Which fields can be selected is fixed per kind
 * (Kubernetes: pkg/registry/core/pod/strategy.go, pkg/apis/core/v1/conversion.go).
 */
import { MinkeError } from "../base/errors.ts";
import { coreEventOf, newEventField } from "./event-form.ts";
import type { Event, EventsEvent, Namespace, Node, Pod, Secret } from "./gen/types.ts";
import type { KubeObject } from "./object.ts";

export interface FieldRequirement {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

/** All must hold; an empty selector matches everything. */
export type FieldSelectorText = readonly FieldRequirement[];

/** Throws `InvalidArgument` for bad syntax, and for a field that objects of `kind` cannot be selected by. */
export function parseFieldSelector(text: string, kind: string, group = ""): FieldSelectorText {
  const known = selectableFields({ apiVersion: group === "" ? "v1" : `${group}/v1`, kind, metadata: {} });
  // A backslash takes the meaning from the `,`, `=` or backslash behind it.
  const terms = text.match(/(?:\\.|[^,\\])+/g) ?? [];
  return terms.map((term) => {
    const match = /^((?:\\.|[^=!\\])*)(==|!=|=)((?:\\[,=\\]|[^=,\\])*)$/s.exec(term);
    if (!match) throw new MinkeError("InvalidArgument", `invalid selector: '${text}'; can't understand '${term}'`);
    const [field, operator, value] = [match[1]!, match[2]!, match[3]!.replace(/\\(.)/g, "$1")];
    if (!Object.hasOwn(known, field)) {
      throw new MinkeError("InvalidArgument", `field label not supported: ${field}`);
    }
    return { field, equal: operator !== "!=", value };
  });
}

export function matchesFields(selector: FieldSelectorText, object: KubeObject): boolean {
  if (selector.length === 0) return true;
  const fields = selectableFields(object);
  return selector.every(({ field, equal, value }) => (fields[field] === value) === equal);
}

function selectableFields(object: KubeObject): Readonly<Record<string, string>> {
  return {
    "metadata.name": object.metadata.name ?? "",
    "metadata.namespace": object.metadata.namespace ?? "",
    ...BY_KIND[object.kind]?.(object),
  };
}

const BY_KIND: Readonly<Record<string, (object: KubeObject) => Readonly<Record<string, string>>>> = {
  Pod(object) {
    const { spec, status } = object as Pod;
    return {
      "spec.nodeName": spec?.nodeName ?? "",
      "spec.restartPolicy": spec?.restartPolicy ?? "",
      "spec.schedulerName": spec?.schedulerName ?? "",
      "spec.serviceAccountName": spec?.serviceAccountName ?? "",
      "spec.hostNetwork": String(spec?.hostNetwork ?? false),
      "status.phase": status?.phase ?? "",
      "status.podIP": status?.podIP ?? "",
      "status.nominatedNodeName": status?.nominatedNodeName ?? "",
    };
  },
  Event(object) {
    if (object.apiVersion !== "v1") return newEventFields(object as EventsEvent);
    const event = object as Event;
    const about: Event["involvedObject"] | undefined = event.involvedObject;
    return {
      "involvedObject.kind": about?.kind ?? "",
      "involvedObject.namespace": about?.namespace ?? "",
      "involvedObject.name": about?.name ?? "",
      "involvedObject.uid": about?.uid ?? "",
      "involvedObject.apiVersion": about?.apiVersion ?? "",
      "involvedObject.resourceVersion": about?.resourceVersion ?? "",
      "involvedObject.fieldPath": about?.fieldPath ?? "",
      reason: event.reason ?? "",
      reportingComponent: event.reportingComponent ?? "",
      source: event.source?.component ?? event.reportingComponent ?? "",
      type: event.type ?? "",
    };
  },
  Namespace: (object) => ({
    name: object.metadata.name ?? "",
    "status.phase": (object as Namespace).status?.phase ?? "",
  }),
  Node: (object) => ({ "spec.unschedulable": String((object as Node).spec?.unschedulable ?? false) }),
  Secret: (object) => ({ type: (object as Secret).type ?? "" }),
};

/** The fields of an Event by the names that `events.k8s.io/v1` has for them. */
function newEventFields(event: EventsEvent): Readonly<Record<string, string>> {
  const fields = Object.entries(BY_KIND["Event"]!(coreEventOf(event))).filter(([field]) => field !== "source");
  return Object.fromEntries(fields.map(([field, value]) => [newEventField(field), value]));
}
