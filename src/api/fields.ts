/** The downward API's field paths: what of a Pod its containers may see (Kubernetes: pkg/fieldpath). */
import type { Pod } from "./gen/types.ts";

/** What an environment variable may refer to, besides a label or annotation by key. */
export const ENV_FIELD_PATHS = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
/** What a file of a downward API volume may hold, besides a label or annotation by key. */
export const VOLUME_FIELD_PATHS = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
];

/** `metadata.labels['app']` is the field `metadata.labels` with the key `app`. */
export function splitFieldPath(path: string): { readonly field: string; readonly key?: string } {
  const match = /^(.+?)\['(.*)'\]$/s.exec(path);
  return match ? { field: match[1]!, key: match[2]! } : { field: path };
}

/**
 * The value of a field path, or undefined when the path is none of the downward API's. What is not set yet is empty. All
 * labels or annotations come as sorted `key="value"` lines.
 */
export function fieldValue(pod: Pod, path: string): string | undefined {
  const { field, key } = splitFieldPath(path);
  const { metadata, spec, status } = pod;
  if (field === "metadata.labels" || field === "metadata.annotations") {
    const map = (field === "metadata.labels" ? metadata.labels : metadata.annotations) ?? {};
    if (key !== undefined) return Object.hasOwn(map, key) ? map[key] : "";
    return formatMap(map);
  }
  if (key !== undefined) return undefined;
  switch (field) {
    case "metadata.name":
      return metadata.name ?? "";
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid ?? "";
    case "spec.nodeName":
      return spec?.nodeName ?? "";
    case "spec.serviceAccountName":
      return spec?.serviceAccountName ?? "";
    case "status.hostIP":
      return status?.hostIP ?? "";
    case "status.hostIPs":
      return (status?.hostIPs ?? []).map(({ ip }) => ip).join(",");
    case "status.podIP":
      return status?.podIP ?? "";
    case "status.podIPs":
      return (status?.podIPs ?? []).map(({ ip }) => ip).join(",");
    default:
      return undefined;
  }
}

function formatMap(map: Readonly<Record<string, string>>): string {
  return Object.entries(map)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join("\n");
}
