/** The engine's actions as data. */
import { unreachable } from "../base/assert.ts";
import type { ContainerKind } from "./labels.ts";

export type StopReason = "delete" | "deadline" | "finished" | "sandbox" | "changed" | "resize" | "orphan";

export type Action =
  | { readonly type: "EnsureImage"; readonly name: string }
  /** Volumes, log directories, the Pod's own directory. */
  | { readonly type: "PrepareVolumes" }
  /** What volumes show of objects and time, while containers use them. */
  | { readonly type: "RefreshVolumes" }
  | { readonly type: "ReleaseVolumes" }
  | { readonly type: "RunSandbox"; readonly attempt: number }
  | { readonly type: "StopSandbox"; readonly id: string }
  | { readonly type: "RemoveSandbox"; readonly id: string }
  | {
      readonly type: "RunContainer";
      readonly name: string;
      readonly kind: ContainerKind;
      readonly sandboxId: string;
      readonly attempt: number;
    }
  | {
      readonly type: "StopContainer";
      readonly id: string;
      readonly name: string;
      readonly reason: StopReason;
      /** When SIGKILL follows, milliseconds since the epoch; absent: the Pod's grace period from the start of the action. */
      readonly killAtMs?: number;
    }
  | { readonly type: "RemoveContainer"; readonly id: string }
  /** Gives the Pod's cgroup and the containers that need no restart for it the limits that the Pod asks for. */
  | { readonly type: "ResizePod"; readonly sandboxId: string }
  /** Logs, volumes and every file that the engine made for the Pod. */
  | { readonly type: "ReleasePod" }
  | { readonly type: "DeletePodObject" }
  | { readonly type: "WaitUntil"; readonly atMs: number };

/** Identifies what an action works on: two actions of one key never run at once. */
export function keyOf(action: Action): string {
  switch (action.type) {
    case "EnsureImage":
      return `image/${action.name}`;
    case "RunContainer":
      return `run/${action.name}`;
    case "StopContainer":
      return `stop/${action.id}`;
    case "RemoveContainer":
      return `remove/${action.id}`;
    case "StopSandbox":
    case "RemoveSandbox":
      return `sandbox/${action.id}`;
    case "ResizePod":
      return "resize";
    case "RunSandbox":
      return "sandbox";
    case "PrepareVolumes":
    case "RefreshVolumes":
    case "ReleaseVolumes":
      return "volumes";
    case "ReleasePod":
      return "release";
    case "DeletePodObject":
      return "object";
    case "WaitUntil":
      return "wait";
    default:
      return unreachable(action);
  }
}

/** True for what makes something run: aborted when the Pod has to end. */
export function isStart(key: string): boolean {
  return key === "sandbox" || key === "volumes" || key.startsWith("run/") || key.startsWith("image/");
}
