/** Events about containers. */
import type { ContainerKind } from "./labels.ts";

export type { EventRecorder } from "../store/event-recorder.ts";

const FIELDS: Readonly<Record<ContainerKind, string>> = {
  init: "initContainers",
  main: "containers",
  ephemeral: "ephemeralContainers",
};

/** The field path of a container, as Events name it. */
export function containerPath(kind: ContainerKind, name: string): string {
  return `spec.${FIELDS[kind]}{${name}}`;
}
