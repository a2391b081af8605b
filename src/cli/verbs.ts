/** The command table: every verb, what it is for, and where its code is. Nothing of a verb is loaded until it is used. */
import type { Command, RouteMap } from "@stricli/core";

import type { CliContext } from "./context.ts";

/** What completion offers for the arguments of a command. */
export type Completes = "type" | "pod" | "type/name" | "image" | "file" | "none";

export interface CommandModule {
  readonly command: Command<CliContext> | RouteMap<CliContext>;
  /** `[what it does, command line]`, the most useful first. */
  readonly examples: readonly (readonly [string, string])[];
  /** What the first argument is, and those behind it. */
  readonly completes?: readonly Completes[];
  /** True when everything behind `--` belongs to the command itself, as with exec. */
  readonly takesDashes?: boolean;
}

export interface Verb {
  readonly brief: string;
  readonly group: "Pods" | "Look" | "Images" | "Node";
  readonly load: () => Promise<CommandModule>;
}

export const VERBS: Readonly<Record<string, Verb>> = {
  play: {
    group: "Pods",
    brief: "Run Pods in the foreground, with their logs",
    load: () => import("./commands/play.ts"),
  },
  apply: { group: "Pods", brief: "Create or change objects from files", load: () => import("./commands/apply.ts") },
  delete: { group: "Pods", brief: "Delete objects", load: () => import("./commands/delete.ts") },
  exec: { group: "Pods", brief: "Run a command in a container", load: () => import("./commands/exec.ts") },
  attach: { group: "Pods", brief: "Attach to a container's main process", load: () => import("./commands/attach.ts") },
  "port-forward": {
    group: "Pods",
    brief: "Forward local ports to a Pod",
    load: () => import("./commands/port-forward.ts"),
  },
  wait: { group: "Pods", brief: "Wait for a condition of objects", load: () => import("./commands/wait.ts") },
  get: { group: "Look", brief: "Show objects", load: () => import("./commands/get.ts") },
  describe: { group: "Look", brief: "Show all about a Pod or the node", load: () => import("./commands/describe.ts") },
  logs: { group: "Look", brief: "Print the logs of containers", load: () => import("./commands/logs.ts") },
  top: { group: "Look", brief: "Show what Pods or the node use", load: () => import("./commands/top.ts") },
  trace: {
    group: "Look",
    brief: "Show where the time of a Pod's start went",
    load: () => import("./commands/trace.ts"),
  },
  image: {
    group: "Images",
    brief: "Import, load, save, list and remove images",
    load: () => import("./commands/image.ts"),
  },
  kubeconfig: {
    group: "Node",
    brief: "Write a kubeconfig, so that kubectl and others work on the node",
    load: () => import("./commands/kubeconfig.ts"),
  },
  serve: { group: "Node", brief: "Run a node (the daemon)", load: () => import("./commands/serve.ts") },
  store: {
    group: "Node",
    brief: "Check, back up and restore the node's store",
    load: () => import("./commands/store.ts"),
  },
  doctor: { group: "Node", brief: "Check what this machine has and lacks", load: () => import("./commands/doctor.ts") },
  reset: { group: "Node", brief: "Remove all that an instance ever made", load: () => import("./commands/reset.ts") },
  version: { group: "Node", brief: "Print versions", load: () => import("./commands/version.ts") },
  completion: {
    group: "Node",
    brief: "Print a shell's completion script",
    load: () => import("./commands/completion.ts"),
  },
};
