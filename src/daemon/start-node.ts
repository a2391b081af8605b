/** The composition root: wires the layers into a node, starts it, and takes it apart again. */
import { hostname } from "node:os";
import { join } from "node:path";

import { sleep, systemClock } from "../base/clock.ts";
import { messageOf, MinkeError } from "../base/errors.ts";
import { noLog } from "../base/logger.ts";
import type { Logger } from "../base/logger.ts";
import { noTrace, RingTracer } from "../base/trace.ts";
import { createEngine } from "../engine/create-engine.ts";
import { createHost } from "../host/create-host.ts";
import { ensureFolder } from "../host/files.ts";
import type { Host } from "../host/host.ts";
import { instanceOf } from "../host/instance.ts";
import type { Instance } from "../host/instance.ts";
import { checkRequirements } from "../host/requirements.ts";
import { createNetwork } from "../oci/cni.ts";
import type { Network } from "../oci/cni.ts";
import { createRuntime } from "../runtime/create-runtime.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { imagesInUse as imagesOfPods } from "../server/kube/images/in-use.ts";
import { createImageService } from "../runtime/image/create-image-service.ts";
import { ServiceAccountTokens } from "../server/kube/auth/service-account-tokens.ts";
import { createKubeServer } from "../server/kube/create-kube-server.ts";
import { createEventRecorder } from "../store/event-recorder.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { Store } from "../store/store.ts";
import { createVolumeManager } from "../volume/create-volume-manager.ts";
import type { OpenAuditLog } from "./audit-file.ts";
import { criSocketOf, serveCri } from "./cri.ts";
import { engineInputs } from "./engine-inputs.ts";
import { lockInstance } from "./lock.ts";
import { nodeInfo } from "./node-info.ts";
import { capacityOf, writeNodeObject, writeReadiness } from "./node-object.ts";
import { ImageCollector } from "./image-collector.ts";
import { DEFAULT_REGISTRIES_DIR, IMAGE_GC_DEFAULTS, handlersOf, parseNodeOptions } from "./options.ts";
import type { NodeOptions } from "./options.ts";
import type { ListenAddress } from "./listen-address.ts";
import { openServiceAccountKey } from "./pki/service-account-key.ts";
import { podTokens } from "./pod-tokens.ts";
import { reachesPods } from "./pods-address.ts";
import { SecureApi } from "./secure-api.ts";

/** A node that runs. Disposing it drains it: the API ends, and the containers run on. */
export interface Node extends AsyncDisposable {
  readonly instance: Instance;
  readonly apiSocket: string;
  readonly host: Host;
}

export interface StartOptions {
  /** Default: none; the daemon gives pino. */
  readonly log?: Logger;
  /**
   * The node lives for one command: when it ends with no Pod left, what it made on the host outside its folders (bridge,
   * firewall rules, cgroups) goes too. Default: false.
   */
  readonly transient?: boolean;
}

/** How long the last Pods of a node that is {@link StartOptions.transient} may take to be taken apart, in milliseconds. */
const DISMANTLE_MS = 10_000;
const LOOK_EVERY_MS = 20;

/**
 * Starts a node and resolves when its API answers. Rejects with `InvalidArgument` (options), `AlreadyExists` (another
 * daemon runs the instance) or `FailedPrecondition` (the host lacks something; the message says what and the remedy).
 */
export async function startNode(
  options: NodeOptions = {},
  { log = noLog, transient = false }: StartOptions = {},
): Promise<Node> {
  const settings = parseNodeOptions(options);
  const instance = instanceOf(settings);
  const clock = systemClock;
  const trace = settings.trace ? new RingTracer(clock) : noTrace;
  const nodeName = settings.nodeName ?? (hostname().toLowerCase() || "localhost");

  await using undo = new AsyncDisposableStack();
  const required = requireHost(settings, instance);
  required.catch(() => {}); // Awaited below, beside what takes longer.
  await makeDirectories(instance);
  undo.use(await lockInstance(instance));
  const { perl, cgroupDriver } = settings;
  const audit = settings.auditLog === undefined ? undefined : undo.use(await openAudit(settings.auditLog, log));
  const host = undo.use(
    await createHost({
      log,
      clock,
      ...(perl === undefined ? {} : { perl }),
      ...(cgroupDriver === undefined ? {} : { cgroupDriver }),
    }),
  );

  const store = undo.use(openSqliteStore({ path: join(instance.root, "store.db") }));
  // Read when an image is removed, long after the runtime below is there.
  const inUse = async (): Promise<ReadonlySet<string>> => await runtime.imagesInUse();
  const images = await createImageService({
    host,
    root: instance.root,
    log,
    clock,
    inUse,
    onGrown: () => collector.wake(),
    registriesDir: settings.registriesDir ?? DEFAULT_REGISTRIES_DIR,
    env: process.env,
    policyFile: settings.imagePolicy,
    credentialVerification: {
      policy: settings.imagePullCredentialsVerificationPolicy ?? "NeverVerifyPreloadedImages",
      allowlist: settings.preloadedImagesVerificationAllowlist ?? [],
    },
  });
  const { imageGcHighThreshold: highPercent, imageGcLowThreshold: lowPercent } = settings;
  const { imageMaximumGcAge = IMAGE_GC_DEFAULTS.maxAgeMs, minimumImageTtlDuration = IMAGE_GC_DEFAULTS.minAgeMs } =
    settings;
  const collector = undo.use(
    new ImageCollector({
      images,
      clock,
      log,
      highPercent: highPercent ?? IMAGE_GC_DEFAULTS.highPercent,
      lowPercent: lowPercent ?? IMAGE_GC_DEFAULTS.lowPercent,
      maxAgeMs: imageMaximumGcAge,
      minAgeMs: minimumImageTtlDuration,
      inUse: async () => await imagesOfPods({ store, images }),
    }),
  );
  const listen = settings.listen ?? "off";
  const forPods = reachesPods(listen, settings.cniConfDir !== undefined);
  const apiServer = Promise.withResolvers<ListenAddress | undefined>();
  const network = createNetwork({
    host,
    instance,
    log,
    ...(forPods ? { apiPort: apiServer.promise.then((address) => address?.port) } : {}),
    ...(settings.cniConfDir === undefined ? {} : { confDir: settings.cniConfDir }),
    ...(settings.cniBinDirs === undefined ? {} : { binDirs: settings.cniBinDirs }),
  });
  const runtime = undo.use(
    createRuntime({
      host,
      instance,
      network,
      images,
      clock,
      log,
      trace,
      ...(settings.crun === undefined ? {} : { crunBinary: settings.crun }),
      ...(settings.conmon === undefined ? {} : { conmonBinary: settings.conmon }),
      handlers: handlersOf(settings),
    }),
  );
  const capacity = await capacityOf(instance.root);
  const key = await openServiceAccountKey(join(instance.root, "pki"));
  const tokens = new ServiceAccountTokens({ key, store, clock });
  const volumes = createVolumeManager({
    host,
    podsRoot: join(instance.root, "pods"),
    read: (resource, namespace, name) => store.get({ resource, namespace, name }),
    token: podTokens(tokens, store, clock),
    allocatable: capacity,
    clock,
    log,
  });
  const info = nodeInfo({ host, instance, network, nodeName, settings });
  const events = createEventRecorder({ store, clock, log, node: nodeName });
  const { node, paths } = await engineInputs(instance, nodeName, capacity);
  const engine = createEngine({
    store,
    events,
    runtime,
    images,
    volumes,
    clock,
    log,
    trace,
    node: forPods ? { ...node, apiServer: apiServer.promise } : node,
    paths,
  });
  const secure = undo.use(new SecureApi({ instance, nodeName, clock, log, network, nodeIp: node.ip }));
  const server = createKubeServer({
    store,
    events,
    engine,
    images,
    streams: runtime,
    clock,
    log,
    trace,
    nodeName,
    issuesTokens: forPods,
    identity: secure.identity,
    scratch: instance.root,
    tokens,
    nodeInfo: info.read,
    ...(audit ? { audit } : {}),
    ...(settings.eventTtl === undefined ? {} : { eventTtlMs: settings.eventTtl }),
  });

  await required;
  await host.cgroup.prepare();
  if (transient) undo.defer(() => leaveHost({ store, runtime, network, host, instance, log }));
  await Promise.all([runtime.recover(), writeNodeObject(store, clock, { name: nodeName, instance, capacity })]);
  undo.defer(() => engine.stop());
  // When the node does not get as far as to serve, what is about to start must not wait for it.
  undo.defer(() => apiServer.resolve(undefined));
  // The engine looks at every Pod once; the API need not wait for that.
  engine.start().catch((error: unknown) => log.error({ error: messageOf(error) }, "The engine could not start"));
  const criSocket = criSocketOf(settings.criSocket ?? "off", instance);
  if (criSocket !== undefined) {
    const kind = settings.cniConfDir === undefined ? "embedded" : "cni";
    const criNetwork = { ready: () => network.ready(), kind } as const;
    undo.use(await serveCri(criSocket, { runtime, images, clock, log, network: criNetwork, nodeInfo: info.read }));
  }
  undo.defer(() => server.close());
  await secure.open(server, listen, { forPods });
  apiServer.resolve(secure.forPods());
  // What opens behind our back is open, or has failed, before all of it is closed.
  undo.defer(async () => void (await secure.forPods()));
  await server.listen(instance.apiSocket);
  log.info({ instance: instance.name, socket: instance.apiSocket }, "The node serves");
  collector.wake();
  const settled = settleNode({ store, network, nodeName, log });

  const running = undo.move();
  return {
    instance,
    apiSocket: instance.apiSocket,
    host,
    [Symbol.asyncDispose]: async () => {
      await settled;
      if (transient) await dismantled(store, runtime);
      await running.disposeAsync();
    },
  };
}

/** Resolves when nothing runs any more of Pods that the API has let go; the engine takes such apart behind its answer. */
async function dismantled(store: Store, runtime: Runtime): Promise<void> {
  const deadlineMs = systemClock.monotonic() + DISMANTLE_MS;
  while (store.list("pods").items.length === 0 && (await runtime.sandboxes()).length > 0) {
    if (systemClock.monotonic() > deadlineMs) return;
    await sleep(systemClock, LOOK_EVERY_MS);
  }
}

/** Removes what belongs to no Pod, when there is none. */
async function leaveHost(parts: {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly network: Network;
  readonly host: Host;
  readonly instance: Instance;
  readonly log: Logger;
}): Promise<void> {
  const { store, runtime, network, host, instance, log } = parts;
  try {
    if (store.list("pods").items.length > 0 || (await runtime.sandboxes()).length > 0) return;
    await network.teardown();
    for (const top of host.cgroup.placesOf(instance.cgroupRoot)) {
      if (await host.cgroup.exists(top)) await host.cgroup.remove(top);
    }
  } catch (error) {
    log.warn({ error: messageOf(error) }, "Removing what the node made on the host failed");
  }
}

/** What a node needs to know of itself and nobody waits for. */
async function settleNode(parts: {
  readonly store: Store;
  readonly network: Network;
  readonly nodeName: string;
  readonly log: Logger;
}): Promise<void> {
  const { store, network, nodeName, log } = parts;
  try {
    const ready = await network.ready();
    if (!ready.ok) log.warn({ message: ready.message }, "Pods can not be connected");
    writeReadiness(store, systemClock, nodeName, ready);
  } catch (error) {
    log.warn({ error: messageOf(error) }, "Writing the node's readiness failed");
  }
}

/** Loaded by those who want one. */
async function openAudit(path: string, log: Logger): Promise<OpenAuditLog> {
  const { openAuditLog } = await import("./audit-file.ts");
  return openAuditLog(path, { clock: systemClock, log });
}

async function makeDirectories(instance: Instance): Promise<void> {
  try {
    await Promise.all([instance.root, instance.state].map((folder) => ensureFolder(folder, 0o711)));
  } catch (error) {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot make the folders of instance "${instance.name}" (${instance.root}, ${instance.state}): ${messageOf(error)}; run as root, or choose others with --root and --state`,
      { cause: error },
    );
  }
}

/** Refuses to start on a host on which no Pod could run. */
async function requireHost(settings: NodeOptions, instance: Instance): Promise<void> {
  const { crun, conmon, perl, cgroupDriver, cniBinDirs } = settings;
  const found = await checkRequirements({
    root: instance.root,
    embeddedNetwork: settings.cniConfDir === undefined,
    ...(crun === undefined ? {} : { crun }),
    ...(conmon === undefined ? {} : { conmon }),
    ...(perl === undefined ? {} : { perl }),
    ...(cgroupDriver === undefined ? {} : { cgroupDriver }),
    ...(cniBinDirs === undefined ? {} : { cniBinDirs }),
  });
  const missing = found.filter(({ status }) => status === "missing");
  if (missing.length === 0) return;
  const list = missing.map(({ name, detail, remedy }) => `${name}: ${detail}${remedy === "" ? "" : ` (${remedy})`}`);
  throw new MinkeError(
    "FailedPrecondition",
    `Cannot start a node on this host: ${list.join("; ")}; see "minke doctor"`,
    {
      details: { missing: missing.map(({ name }) => name) },
    },
  );
}
