/**
 * Binds claims to persistent volumes that somebody has made; nothing is provisioned here. A claim of a class with
 * `WaitForFirstConsumer` is bound when a Pod of this node uses it. Kubernetes: pkg/controller/volume/persistentvolume.
 */
import { equalJson } from "../../../api/equal.ts";
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from "../../../api/gen/types.ts";
import { claimNamesOf } from "../../../api/pod-claims.ts";
import {
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  resourceNameOf,
  STORAGE_CLASSES,
} from "../../../api/resources.ts";
import { defaultStorageClass } from "../../../api/storage-class.ts";
import { bindsLate, findVolume, isBoundTo, mismatchOf } from "../../../api/volume-binding.ts";
import { rfc3339 } from "../../../base/clock.ts";
import { WorkQueue } from "../../../base/work-queue.ts";
import type { EventRecorder } from "../../../store/event-recorder.ts";
import type { KubeServerOptions } from "../context.ts";

const CLAIMS = resourceNameOf(PERSISTENT_VOLUME_CLAIMS);
const VOLUMES = resourceNameOf(PERSISTENT_VOLUMES);
const CLASSES = resourceNameOf(STORAGE_CLASSES);
const COMPONENT = "persistentvolume-controller";
/** The binding of a claim has been completed once: what it has lost since it does not get anew. */
const BIND_COMPLETED = "pv.kubernetes.io/bind-completed";
const BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller";
/** A provisioner that makes nothing: volumes of its classes are made by hand. */
const NO_PROVISIONER = "kubernetes.io/no-provisioner";

export function bindVolumes(node: KubeServerOptions): Disposable {
  return new VolumeBinder(node);
}

class VolumeBinder implements Disposable {
  readonly #node: KubeServerOptions;
  readonly #events: Pick<EventRecorder, "record">;
  readonly #running = new DisposableStack();
  readonly #queue: WorkQueue;

  constructor(node: KubeServerOptions) {
    this.#node = node;
    const { store, clock, log } = node;
    this.#events = node.events.as(COMPONENT);
    this.#queue = this.#running.use(new WorkQueue({ name: "volumes", clock, log, work: (key) => this.#look(key) }));
    this.#running.use(
      store.watch(VOLUMES, ({ object }) => {
        this.#queue.add(`${VOLUMES}//${object.metadata.name ?? ""}`);
        this.#addUnboundClaims();
      }),
    );
    this.#running.use(
      store.watch(CLAIMS, ({ object }) => {
        this.#addClaim(object as PersistentVolumeClaim);
        const volume = (object as PersistentVolumeClaim).spec?.volumeName;
        if (volume) this.#queue.add(`${VOLUMES}//${volume}`);
      }),
    );
    this.#running.use(store.watch(CLASSES, () => this.#addUnboundClaims()));
    this.#running.use(
      store.watch(resourceNameOf(PODS), ({ type, object }) => {
        if (type !== "ADDED") return;
        const { namespace = "" } = object.metadata;
        for (const name of claimNamesOf(object as Pod)) this.#queue.add(`${CLAIMS}/${namespace}/${name}`);
      }),
    );
    for (const { metadata } of store.list(VOLUMES).items) this.#queue.add(`${VOLUMES}//${metadata.name ?? ""}`);
    for (const claim of store.list(CLAIMS).items) this.#addClaim(claim as PersistentVolumeClaim);
  }

  [Symbol.dispose](): void {
    this.#running.dispose();
  }

  #addClaim({ metadata }: PersistentVolumeClaim): void {
    this.#queue.add(`${CLAIMS}/${metadata.namespace ?? ""}/${metadata.name ?? ""}`);
  }

  #addUnboundClaims(): void {
    for (const item of this.#node.store.list(CLAIMS).items) {
      const claim = item as PersistentVolumeClaim;
      if (claim.status?.phase !== "Lost") this.#addClaim(claim);
    }
  }

  #look(key: string): void {
    const [resource = "", namespace = "", name = ""] = key.split("/");
    const object = this.#node.store.get({ resource, namespace, name });
    if (!object) return;
    if (resource === VOLUMES) this.#lookAtVolume(object as PersistentVolume);
    else this.#lookAtClaim(object as PersistentVolumeClaim);
  }

  #lookAtClaim(claim: PersistentVolumeClaim): void {
    if (claim.metadata.annotations?.[BIND_COMPLETED] !== undefined) return this.#lookAtBoundClaim(claim);
    if (claim.spec?.volumeName) return this.#bindByName(claim, claim.spec.volumeName);
    const storageClass = this.#classOf(claim);
    const late = bindsLate(storageClass);
    const consumer = late ? this.#hasConsumer(claim) : true;
    const machine = late ? this.#machine() : undefined;
    const volumes = this.#node.store.list(VOLUMES).items as readonly PersistentVolume[];
    const volume = findVolume(claim, volumes, { promisedOnly: !consumer, ...(machine && { node: machine }) });
    if (volume) return this.#bind(volume, claim);
    if (this.#assignDefaultClass(claim)) return;
    this.#explain(claim, storageClass, consumer);
    this.#setPhase(claim, { phase: "Pending" });
  }

  /** Who asked for no class before there was a default one gets it now. */
  #assignDefaultClass(claim: PersistentVolumeClaim): boolean {
    if (!claim.spec || claim.spec.storageClassName !== undefined) return false;
    const { store } = this.#node;
    const name = defaultStorageClass(store.list(CLASSES).items as readonly StorageClass[])?.metadata.name;
    if (name === undefined) return false;
    store.update(CLAIMS, { ...claim, spec: { ...claim.spec, storageClassName: name } });
    return true;
  }

  /** Says why the claim waits. */
  #explain(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined, consumer: boolean): void {
    const className = claim.spec?.storageClassName ?? "";
    if (!consumer) {
      const message = "waiting for first consumer to be created before binding";
      this.#events.record(claim, "Normal", "WaitForFirstConsumer", message);
    } else if (className === "") {
      const message = "no persistent volumes available for this claim and no storage class is set";
      this.#events.record(claim, "Normal", "FailedBinding", message);
    } else if (!storageClass) {
      const message = `storageclass.storage.k8s.io "${className}" not found`;
      this.#events.record(claim, "Warning", "ProvisioningFailed", message);
    } else if (storageClass.provisioner === NO_PROVISIONER) {
      const message = `no volume plugin matched name: ${NO_PROVISIONER}`;
      if (!bindsLate(storageClass)) this.#events.record(claim, "Warning", "ProvisioningFailed", message);
    } else {
      const message = `Waiting for a volume to be created either by the external provisioner '${storageClass.provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
      this.#events.record(claim, "Normal", "ExternalProvisioning", message);
    }
  }

  #bindByName(claim: PersistentVolumeClaim, name: string): void {
    const volume = this.#volume(name);
    if (!volume) return this.#setPhase(claim, { phase: "Pending" });
    if (isBoundTo(volume, claim)) return this.#bind(volume, claim);
    if (volume.spec?.claimRef) {
      const message = `volume "${name}" already bound to a different claim.`;
      this.#events.record(claim, "Warning", "FailedBinding", message);
      return this.#setPhase(claim, { phase: "Pending" });
    }
    const mismatch = mismatchOf(volume, claim);
    if (mismatch === undefined) return this.#bind(volume, claim);
    const message = `Cannot bind to requested volume "${name}": ${mismatch}`;
    this.#events.record(claim, "Warning", "VolumeMismatch", message);
    this.#setPhase(claim, { phase: "Pending" });
  }

  #lookAtBoundClaim(claim: PersistentVolumeClaim): void {
    const volume = this.#volume(claim.spec?.volumeName ?? "");
    const reference = volume?.spec?.claimRef;
    if (volume && (!reference || reference.uid === claim.metadata.uid)) return this.#bind(volume, claim);
    if (claim.status?.phase === "Lost") return;
    const what = claim.spec?.volumeName ? "its PersistentVolume" : "reference to PersistentVolume";
    if (volume) {
      const message = "Two claims are bound to the same volume, this one is bound incorrectly";
      this.#events.record(claim, "Warning", "ClaimMisbound", message);
    } else {
      const message = `Bound claim has lost ${what}. Data on the volume is lost!`;
      this.#events.record(claim, "Warning", "ClaimLost", message);
    }
    this.#setPhase(claim, { phase: "Lost" });
  }

  #lookAtVolume(volume: PersistentVolume): void {
    const reference = volume.spec?.claimRef;
    if (!reference?.uid) return this.#setVolumePhase(volume, "Available");
    const { namespace = "", name = "" } = reference;
    const claim = this.#node.store.get({ resource: CLAIMS, namespace, name }) as PersistentVolumeClaim | undefined;
    if (claim?.metadata.uid === reference.uid) {
      if (claim.spec?.volumeName === volume.metadata.name) this.#setVolumePhase(volume, "Bound");
      else this.#addClaim(claim);
      return;
    }
    const policy = volume.spec?.persistentVolumeReclaimPolicy ?? "Retain";
    if (policy === "Retain") return this.#setVolumePhase(volume, "Released");
    // What lies on this machine is its owner's: nothing here deletes or recycles it.
    const kind = policy === "Delete" ? "deletable" : "recyclable";
    const actor = policy === "Delete" ? "deleter" : "recycler";
    const message = `error getting ${actor} volume plugin for volume "${volume.metadata.name}": no ${kind} volume plugin matched`;
    if (volume.status?.phase !== "Failed") {
      const reason = policy === "Delete" ? "VolumeFailedDelete" : "VolumeFailedRecycle";
      this.#events.record(volume, "Warning", reason, message);
    }
    this.#setVolumePhase(volume, "Failed", message);
  }

  /** The volume first: a claim that names a volume which does not name it would be taken for lost. */
  #bind(volume: PersistentVolume, claim: PersistentVolumeClaim): void {
    const { store } = this.#node;
    const reference = volume.spec?.claimRef;
    const claimed = isBoundTo(volume, claim) && reference?.uid === claim.metadata.uid;
    const ours = reference === undefined;
    const bound = claimed
      ? volume
      : (store.update(VOLUMES, {
          ...volume,
          metadata: ours ? annotated(volume, { [BOUND_BY_CONTROLLER]: "yes" }) : volume.metadata,
          spec: { ...volume.spec, claimRef: referenceTo(claim) },
        }) as PersistentVolume);
    this.#setVolumePhase(bound, "Bound");
    const name = volume.metadata.name ?? "";
    const chosen = claim.spec?.volumeName ? {} : { [BOUND_BY_CONTROLLER]: "yes" };
    const metadata = annotated(claim, { [BIND_COMPLETED]: "yes", ...chosen });
    const accessModes = volume.spec?.accessModes ?? [];
    const status = { phase: "Bound", accessModes, capacity: volume.spec?.capacity ?? {} };
    const next = { ...claim, metadata, spec: { ...claim.spec, volumeName: name }, status };
    if (!equalJson(next, claim)) store.update(CLAIMS, next);
  }

  #setPhase(claim: PersistentVolumeClaim, status: NonNullable<PersistentVolumeClaim["status"]>): void {
    if (!equalJson(claim.status, status)) this.#node.store.update(CLAIMS, { ...claim, status });
  }

  #setVolumePhase(volume: PersistentVolume, phase: string, message?: string): void {
    if (volume.status?.phase === phase && volume.status.message === message) return;
    const changed = volume.status?.phase !== phase;
    const lastPhaseTransitionTime = changed ? rfc3339(this.#node.clock.now()) : volume.status?.lastPhaseTransitionTime;
    const status = {
      phase,
      ...(message === undefined ? {} : { message }),
      ...(lastPhaseTransitionTime === undefined ? {} : { lastPhaseTransitionTime }),
    };
    this.#node.store.update(VOLUMES, { ...volume, status });
  }

  #hasConsumer({ metadata }: PersistentVolumeClaim): boolean {
    const pods = this.#node.store.list(resourceNameOf(PODS), metadata.namespace).items as readonly Pod[];
    return pods.some((pod) => claimNamesOf(pod).includes(metadata.name ?? ""));
  }

  #classOf({ spec }: PersistentVolumeClaim): StorageClass | undefined {
    const name = spec?.storageClassName ?? "";
    return this.#node.store.get({ resource: CLASSES, namespace: "", name }) as StorageClass | undefined;
  }

  #volume(name: string): PersistentVolume | undefined {
    return this.#node.store.get({ resource: VOLUMES, namespace: "", name }) as PersistentVolume | undefined;
  }

  #machine(): Node | undefined {
    const { store, nodeName } = this.#node;
    return store.get({ resource: resourceNameOf(NODES), namespace: "", name: nodeName }) as Node | undefined;
  }
}

function annotated(
  { metadata }: PersistentVolume | PersistentVolumeClaim,
  annotations: Readonly<Record<string, string>>,
): PersistentVolume["metadata"] {
  return { ...metadata, annotations: { ...metadata.annotations, ...annotations } };
}

function referenceTo({ apiVersion, kind, metadata }: PersistentVolumeClaim) {
  const { namespace = "", name = "", uid = "", resourceVersion = "" } = metadata;
  return { apiVersion, kind, namespace, name, uid, resourceVersion };
}
