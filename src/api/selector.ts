/** What a list or a watch is narrowed by: labels and fields. */
import { type FieldSelectorText, matchesFields, parseFieldSelector } from "./field-selector.ts";
import { type LabelSelectorText, matchesLabels, parseLabelSelector } from "./label-selector.ts";
import type { KubeObject } from "./object.ts";

export interface Selector {
  readonly labels: LabelSelectorText;
  readonly fields: FieldSelectorText;
}

/** From the request's `labelSelector` and `fieldSelector`. Throws `InvalidArgument`. */
export function parseSelector(kind: string, labelSelector = "", fieldSelector = "", group = ""): Selector {
  return { labels: parseLabelSelector(labelSelector), fields: parseFieldSelector(fieldSelector, kind, group) };
}

export function selects(selector: Selector, object: KubeObject): boolean {
  return matchesLabels(selector.labels, object.metadata.labels) && matchesFields(selector.fields, object);
}
