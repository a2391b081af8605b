/** Puts the runtime together: one method per verb, each a call of the file that is named after it. */
import { accessSync, constants, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import type { Logger } from "../base/logger.ts";
import type { Tracer } from "../base/trace.ts";
import { serviceOf } from "../host/cgroup/units.ts";
import type { Host } from "../host/host.ts";
import type { Instance } from "../host/instance.ts";
import { boundingSet } from "../oci/capabilities.ts";
import { cgroupAbilities } from "../oci/cgroup-abilities.ts";
import { createConmon } from "../oci/conmon.ts";
import { createCrun, RUNTIME_ENV } from "../oci/crun.ts";
import { type RuntimeAbilities, runtimeAbilities } from "../oci/runtime-abilities.ts";
import { attach } from "./container/attach.ts";
import { createContainer } from "./container/create.ts";
import { exec } from "./container/exec.ts";
import { containerOf, findContainers, imagesInUse } from "./container/list.ts";
import { layerUsage } from "./container/layer-usage.ts";
import { processStats } from "./container/process-stats.ts";
import { removeContainer } from "./container/remove.ts";
import { runContainer } from "./container/run.ts";
import { settle } from "./container/settle.ts";
import { startContainer } from "./container/start.ts";
import { containerStats } from "./container/stats.ts";
import { stopContainer } from "./container/stop.ts";
import { reopenLog, signalContainer, updateContainerResources } from "./container/update.ts";
import { Broadcaster } from "./events/broadcaster.ts";
import { watchExits, type ExitWatcher } from "./events/exit-watcher.ts";
import { features } from "./features.ts";
import type { ImageService } from "./image.ts";
import { type Layout, layoutOf, makeDirectories } from "./layout.ts";
import { recover } from "./recover.ts";
import type { Runtime, RuntimeEvent } from "./runtime.ts";
import { interfaceStats } from "./sandbox/interfaces.ts";
import { findSandboxes, sandboxOf } from "./sandbox/list.ts";
import { portForward } from "./sandbox/port-forward.ts";
import { removeSandbox } from "./sandbox/remove.ts";
import { runSandbox } from "./sandbox/run.ts";
import { stopSandbox } from "./sandbox/stop.ts";
import { probeUserNamespaces } from "./sandbox/user-namespace.ts";
import { sandboxStats, updateSandboxResources } from "./sandbox/update.ts";
import type { OciHandler, Privileges, SandboxNetwork, Scope } from "./scope.ts";

export interface RuntimeOptions {
  readonly host: Host;
  readonly instance: Instance;
  readonly network: SandboxNetwork;
  readonly images: Pick<ImageService, "status" | "layers">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly trace: Tracer;
  /** Path or name of the OCI runtime; default `crun`. */
  readonly crunBinary?: string;
  /** Other OCI runtimes: name of the handler → path or name of a program with runc's command line. Default: none. */
  readonly handlers?: Readonly<Record<string, string>>;
  /** Path or name of the monitor; default `conmon`. */
  readonly conmonBinary?: string;
  /** What containers can be given; default: asked of the kernel. */
  readonly privileges?: () => Promise<Privileges>;
}

/** The runtime, and what ends its watching. Disposing it touches no container. */
export type DisposableRuntime = Runtime & AsyncDisposable;

/** A runtime that has yet to `recover()`. */
export function createRuntime(options: RuntimeOptions): DisposableRuntime {
  const closing = new AbortController();
  const scope = scopeOf(options, closing.signal);
  let watcher: ExitWatcher | undefined;
  return {
    recover: async () => {
      makeDirectories(scope.layout);
      watcher ??= watch(scope);
      await recover(scope);
    },

    runSandbox: async (config, signal) => runSandbox(scope, config, signal),
    stopSandbox: async (id) => stopSandbox(scope, id),
    removeSandbox: async (id) => removeSandbox(scope, id),
    sandbox: async (id) => findSandboxes(scope, { id }).map((entry) => sandboxOf(scope, entry))[0],
    sandboxes: async (filter) => findSandboxes(scope, filter).map((entry) => sandboxOf(scope, entry)),
    updateSandboxResources: async (id, resources) => updateSandboxResources(scope, id, resources),
    sandboxStats: async (id) => sandboxStats(scope, id),
    portForward: async (id, port) => portForward(scope, id, port),

    createContainer: async (sandboxId, config, signal) => createContainer(scope, sandboxId, config, signal),
    startContainer: async (id) => startContainer(scope, id),
    runContainer: async (sandboxId, config, signal) => runContainer(scope, sandboxId, config, signal),
    stopContainer: async (id, graceMs) => stopContainer(scope, id, graceMs),
    removeContainer: async (id) => removeContainer(scope, id),
    container: async (id) => (await findContainers(scope, { id })).map(containerOf)[0],
    containers: async (filter) => (await findContainers(scope, filter)).map(containerOf),
    updateContainerResources: async (id, resources) => updateContainerResources(scope, id, resources),
    reopenLog: async (id) => reopenLog(scope, id),
    signalContainer: async (id, signal) => signalContainer(scope, id, signal),
    stats: async (filter) => containerStats(scope, filter),
    imagesInUse: async () => imagesInUse(scope),
    layerUsage: async (filter) => layerUsage(scope, filter),
    processStats: async (filter) => processStats(scope, filter),
    interfaceStats: async (sandboxId) => interfaceStats(scope, sandboxId),
    features: async () => features(scope),
    exec: async (id, request) => exec(scope, id, request),
    attach: async (id) => attach(scope, id),

    events: (signal) => scope.events.subscribe(signal),
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      watcher?.[Symbol.dispose]();
      await Promise.allSettled(scope.endings);
    },
  };
}

function scopeOf(options: RuntimeOptions, closed: AbortSignal): Scope {
  const { host, instance, network, images, clock, log, trace } = options;
  const layout = layoutOf(instance);
  let privileges: Promise<Privileges> | undefined;
  let userNamespaces: Promise<string | undefined> | undefined;
  return {
    host,
    instance,
    network,
    images,
    clock,
    log,
    trace,
    layout,
    handlers: createHandlers(options, layout),
    events: new Broadcaster<RuntimeEvent>(),
    locks: new KeyedLock(),
    sandboxes: new Map(),
    containers: new Map(),
    making: new Set(),
    makingContainers: new Set(),
    endings: new Set(),
    closed,
    names: new Set(),
    userNamespaces: () => (userNamespaces ??= probeUserNamespaces({ host, layout })),
    privileges: (cgroup) => (privileges ??= options.privileges?.() ?? readPrivileges(cgroup)),
  };
}

/** The default one has two names. */
function createHandlers(options: RuntimeOptions, layout: Layout): ReadonlyMap<string, OciHandler> {
  const { host, instance, crunBinary = "crun", conmonBinary = "conmon", handlers = {} } = options;
  const binary = programPath(conmonBinary);
  const cgroups = { cgroupDriver: host.cgroup.driver, scopePrefix: instance.cgroupRoot, service: ownService() };
  const create = (program: string, root: string): OciHandler => {
    const crun = createCrun({ host, root, binary: programPath(program), ...cgroups });
    let abilities: Promise<RuntimeAbilities> | undefined;
    return {
      crun,
      conmon: createConmon({ host, crun, binary, exitDir: layout.exits }),
      abilities: () => (abilities ??= runtimeAbilities(host, crun.binary)),
    };
  };
  const first = create(crunBinary, layout.crun);
  const others = Object.entries(handlers).map(([name, program]) => {
    return [name, create(program, join(layout.handlers, name))] as const;
  });
  return new Map([["", first], ["crun", first], ...others]);
}

function ownService(): string | undefined {
  try {
    return serviceOf(readFileSync("/proc/self/cgroup", "utf8"));
  } catch {
    return undefined; // not Linux
  }
}

/** conmon wants the path of the OCI runtime and not its name. One that is not found is left for the call to complain. */
function programPath(program: string): string {
  if (isAbsolute(program)) return program;
  for (const directory of RUNTIME_ENV["PATH"]!.split(delimiter)) {
    const path = join(directory, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this directory
    }
  }
  return join("/usr/bin", program);
}

function watch(scope: Scope): ExitWatcher {
  const failed = (error: unknown): void => scope.log.error({ why: messageOf(error) }, "Cannot follow the exit files");
  return watchExits(
    scope.layout.exits,
    (name) => {
      const entry = name === undefined ? undefined : scope.containers.get(name);
      const entries = name === undefined ? [...scope.containers.values()] : entry ? [entry] : [];
      for (const each of entries) settle(scope, each).catch(failed);
    },
    failed,
  );
}

/** CAP_SYS_RESOURCE lets a process lower oom_score_adj; without it a child can not go below its parent. */
async function readPrivileges(cgroup: string): Promise<Privileges> {
  const bounding = await boundingSet();
  const own = Number(await readFile("/proc/self/oom_score_adj", "utf8").catch(() => "0"));
  return {
    boundingSet: bounding,
    oomScoreAdjMin: bounding.includes("SYS_RESOURCE") ? -1000 : own,
    cpus: availableParallelism(),
    cgroup: await cgroupAbilities(cgroup),
  };
}
