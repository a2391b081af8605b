/** `minke describe` of objects without a layout of their own: ConfigMaps, Secrets, Namespaces, Events. */
import type { Event, Namespace } from "../../api/gen/types.ts";
import type { KubeObject } from "../../api/object.ts";
import { describeEvents } from "./events.ts";
import { annotations, Description, pairs } from "./text.ts";

/** The description, with tabs between cells. */
export function describePlain(object: KubeObject, events: readonly Event[] | undefined, now: number): string {
  const out = new Description();
  const { metadata } = object;
  out.line(0, "Name:", metadata.name ?? "");
  if (metadata.namespace !== undefined) out.line(0, "Namespace:", metadata.namespace);
  pairs(out, "Labels", metadata.labels);
  annotations(out, metadata.annotations);
  if (object.kind === "Secret") return describeSecret(out, object).text();
  if (object.kind === "Namespace") return out.line(0, "Status:", (object as Namespace).status?.phase ?? "").text();
  if (object.kind === "ConfigMap") describeConfigMap(out, object);
  else describeFields(out, object);
  if (object.kind !== "Event") describeEvents(out, events, now);
  return out.text();
}

/** Of a Secret only how much of it there is. */
function describeSecret(out: Description, secret: KubeObject): Description {
  out.line(0, "").line(0, "Type:", (secret["type"] as string | undefined) ?? "Opaque");
  out.line(0, "").line(0, "Data").line(0, "====");
  for (const [key, value] of Object.entries((secret["data"] ?? {}) as Record<string, string>).sort(byKey)) {
    out.line(0, `${key}:`, `${Buffer.from(value, "base64").length} bytes`);
  }
  return out;
}

function describeConfigMap(out: Description, map: KubeObject): void {
  out.line(0, "").line(0, "Data").line(0, "====");
  for (const [key, value] of Object.entries((map["data"] ?? {}) as Record<string, string>).sort(byKey)) {
    out.line(0, `${key}:`).line(0, "----").line(0, value.replaceAll("\t", "    ")).line(0, "");
  }
  out.line(0, "").line(0, "BinaryData").line(0, "====");
  for (const [key, value] of Object.entries((map["binaryData"] ?? {}) as Record<string, string>).sort(byKey)) {
    out.line(0, `${key}: ${Buffer.from(value, "base64").length} bytes`);
  }
  out.line(0, "");
}

function describeFields(out: Description, object: KubeObject): void {
  for (const [key, value] of Object.entries(object)) {
    if (["metadata", "apiVersion", "kind"].includes(key)) continue;
    const title = `${key[0]?.toUpperCase() ?? ""}${key.slice(1)}:`;
    out.line(0, title, typeof value === "string" ? value : JSON.stringify(value));
  }
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
