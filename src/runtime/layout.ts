/** Where the runtime keeps what: every path follows from the instance and an id. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import type { Instance } from "../host/instance.ts";

export interface Layout {
  /** Checkpoints of sandboxes: what lasts over a reboot. */
  readonly sandboxCheckpoints: string;
  /** One directory per container with its checkpoint and its writable layer. */
  readonly containerRoots: string;
  /** One directory per sandbox that a reboot clears: resolv.conf, hostname, hosts, shm, the init's bundle. */
  readonly sandboxStates: string;
  /** Pinned namespaces, one directory per sandbox. */
  readonly namespaces: string;
  /** One bundle per container. */
  readonly bundles: string;
  readonly exits: string;
  readonly crun: string;
  /** State of other OCI runtimes, one directory per handler. */
  readonly handlers: string;
  /** What is tried out once, to know what this host can do. */
  readonly probes: string;
  /** The root file system that the inits of shared PID namespaces have in common. */
  readonly initRootfs: string;
}

export function layoutOf(instance: Pick<Instance, "root" | "state">): Layout {
  const { root, state } = instance;
  return {
    sandboxCheckpoints: join(root, "sandboxes"),
    containerRoots: join(root, "containers"),
    sandboxStates: join(state, "sandboxes"),
    namespaces: join(state, "ns"),
    bundles: join(state, "containers"),
    exits: join(state, "exits"),
    crun: join(state, "crun"),
    handlers: join(state, "handlers"),
    probes: join(root, "probes"),
    initRootfs: join(state, "init"),
  };
}

/** Others may pass, and not look: root of a Pod's user namespace is nobody special, and must reach its root file system. */
export function makeDirectories(layout: Layout): void {
  for (const directory of Object.values(layout)) mkdirSync(directory, { recursive: true, mode: 0o711 });
}

/** The paths of one sandbox. */
export function sandboxPaths(layout: Layout, id: string) {
  const state = join(layout.sandboxStates, id);
  return {
    checkpoint: join(layout.sandboxCheckpoints, `${id}.json`),
    state,
    namespaces: join(layout.namespaces, id),
    resolvConf: join(state, "resolv.conf"),
    hostname: join(state, "hostname"),
    hosts: join(state, "hosts"),
    shm: join(state, "shm"),
    init: join(state, "init"),
  } as const;
}

/** The paths of one container. */
export function containerPaths(layout: Layout, id: string) {
  const root = join(layout.containerRoots, id);
  const bundle = join(layout.bundles, id);
  return {
    root,
    checkpoint: join(root, "container.json"),
    upper: join(root, "upper"),
    work: join(root, "work"),
    bundle,
    rootfs: join(bundle, "rootfs"),
    /** Mounted here before they are bound into the container: images, volumes with shifted owners. */
    places: join(bundle, "mounts"),
    config: join(bundle, "config.json"),
    exit: join(layout.exits, id),
  } as const;
}
