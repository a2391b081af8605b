/** Events about containers. */
export type { EventRecorder } from "../store/event-recorder.ts";

/** The field path of a container, as Events name it. */
export function containerPath(kind: "init" | "main", name: string): string {
  return `spec.${kind === "init" ? "initContainers" : "containers"}{${name}}`;
}
