/**
 * Makes a container's image present by its pull policy: one pull per image at a time, with the kubelet's back-off after a
 * failure. Kubernetes: pkg/kubelet/images/image_manager.go.
 */
import type { Container, Pod } from "../api/gen/types.ts";
import { Backoff } from "../base/backoff.ts";
import type { Clock } from "../base/clock.ts";
import { MinkeError, isMinkeError, messageOf } from "../base/errors.ts";
import { JoinedTasks } from "../base/joined-tasks.ts";
import { Semaphore } from "../base/semaphore.ts";
import type { Image, ImageProgress, ImageService } from "../runtime/image.ts";
import type { Store } from "../store/store.ts";
import { containerPath } from "./events.ts";
import type { EventRecorder } from "./events.ts";
import type { ContainerKind } from "./labels.ts";
import { pullSecretsOf } from "./pull-secrets.ts";

/** Pulls at the same time, over all Pods. */
const PULLS_MAX = 4;
/** How long a failed pull is shown as `ErrImagePull` before it turns to `ImagePullBackOff`, milliseconds. */
const ERROR_SHOWN_MS = 2_000;
/** Milliseconds between two times that an Event and the Pod's status tell how far a pull is. */
const PROGRESS_EVERY_MS = 5_000;

export interface EnsureOptions {
  readonly kind: ContainerKind;
  readonly signal: AbortSignal;
  /** Told how far a pull is, for a person to read: “Pulling 34 of 61 MB”. Seldom: each time is a write of the Pod's status. */
  readonly onProgress?: (message: string) => void;
}

export interface ImagePuller {
  /**
   * Resolves with the image, or rejects with a MinkeError whose `reason` is the container's waiting reason and whose
   * `details.retryAtMs` says when to ask again.
   */
  ensure(pod: Pod, container: Container, options: EnsureOptions): Promise<Image>;
  /** Forgets the back-off of a Pod that is gone. */
  forget(podUid: string): void;
}

type ProgressListener = (progress: ImageProgress) => void;

interface Failure {
  readonly atMs: number;
  readonly message: string;
  readonly reason: string;
}

export function createImagePuller(options: {
  readonly images: ImageService;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly store: Pick<Store, "get">;
}): ImagePuller {
  const { images, events, clock, store } = options;
  const backoff = new Backoff();
  const failures = new Map<string, Failure>();
  const pulls = new JoinedTasks<Image>();
  const slots = new Semaphore(PULLS_MAX);
  /** Who is told how far a pull is, by its key in `pulls`. */
  const listeners = new Map<string, Set<ProgressListener>>();

  /** Joins the pull under way for the same image with the same credentials, or starts one. */
  const pullOnce = async (
    pod: Pod,
    reference: string,
    { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: ProgressListener },
  ): Promise<Image> => {
    const { auth, missing } = pullSecretsOf(pod, store);
    if (missing.length > 0) {
      const message = `Unable to retrieve some image pull secrets (${missing.join(", ")}); attempting to pull the image may not succeed.`;
      events.record(pod, "Warning", "FailedToRetrieveImagePullSecret", message);
    }
    const key = `${reference} ${JSON.stringify(auth)}`;
    const told = listeners.get(key) ?? new Set();
    listeners.set(key, told.add(onProgress));
    try {
      return await pulls.run(key, signal, async (joined) => {
        using _slot = await slots.acquire();
        const tell: ProgressListener = (step) => listeners.get(key)?.forEach((listener) => listener(step));
        return await images.pull(reference, { auth, forPod: true, signal: joined, onProgress: tell });
      });
    } finally {
      told.delete(onProgress);
      if (told.size === 0 && listeners.get(key) === told) listeners.delete(key);
    }
  };

  const pull = async (pod: Pod, container: Container, path: string, asked: EnsureOptions): Promise<Image> => {
    const { signal } = asked;
    const reference = container.image ?? "";
    const key = `${pod.metadata.uid}/${reference}`;
    const failed = failures.get(key);
    const wait = failed ? backoff.waitMs(key, failed.atMs, clock.now()) : 0;
    if (failed && wait > 0) {
      const message = `Back-off pulling image "${reference}": ${failed.reason}: ${failed.message}`;
      events.record(pod, "Normal", "BackOff", `Back-off pulling image "${reference}"`, path);
      events.record(pod, "Warning", "Failed", "Error: ImagePullBackOff", path);
      throw waitingError("ImagePullBackOff", message, clock.now() + wait);
    }
    events.record(pod, "Normal", "Pulling", `Pulling image "${reference}"`, path);
    const startMs = clock.monotonic();
    let toldMs = startMs;
    const onProgress = ({ message, layers }: ImageProgress): void => {
      if (!layers || clock.monotonic() - toldMs < PROGRESS_EVERY_MS) return;
      toldMs = clock.monotonic();
      events.record(pod, "Normal", "Pulling", `${message} of image "${reference}"`, path);
      asked.onProgress?.(message);
    };
    try {
      const image = await pullOnce(pod, reference, { signal, onProgress });
      const seconds = ((clock.monotonic() - startMs) / 1000).toFixed(3);
      const took = `${seconds}s (${seconds}s including waiting)`;
      events.record(
        pod,
        "Normal",
        "Pulled",
        `Successfully pulled image "${reference}" in ${took}. Image size: ${image.sizeBytes} bytes.`,
        path,
      );
      failures.delete(key);
      backoff.reset(key);
      return image;
    } catch (error) {
      if (signal.aborted) throw error;
      const reason = (isMinkeError(error) && error.reason) || "ErrImagePull";
      const now = clock.now();
      const message = messageOf(error);
      backoff.next(key, now, now);
      failures.set(key, { atMs: now, message, reason });
      events.record(pod, "Warning", "Failed", `Failed to pull image "${reference}": ${message}`, path);
      events.record(pod, "Warning", "Failed", `Error: ${reason}`, path);
      throw waitingError(reason, message, now + Math.min(ERROR_SHOWN_MS, backoff.delayOf(key)));
    }
  };

  return {
    async ensure(pod, container, ensureOptions) {
      const reference = container.image ?? "";
      const path = containerPath(ensureOptions.kind, container.name);
      const present = await statusOf(images, pod, reference, path, events);
      const policy = container.imagePullPolicy ?? "IfNotPresent";
      // A private image is here only for those who could pull it (KEP-2535).
      if (
        present &&
        policy !== "Always" &&
        (await images.isOpenTo(present, reference, pullSecretsOf(pod, store).auth))
      ) {
        const message = `Container image "${reference}" already present on machine and can be accessed by the pod`;
        events.record(pod, "Normal", "Pulled", message, path);
        return present;
      }
      if (policy !== "Never") return await pull(pod, container, path, ensureOptions);
      const message = `Container image "${reference}" is not present with pull policy of Never`;
      events.record(pod, "Warning", "ErrImageNeverPull", message, path);
      throw waitingError("ErrImageNeverPull", message);
    },
    forget(podUid) {
      backoff.forget(`${podUid}/`);
      for (const key of failures.keys()) if (key.startsWith(`${podUid}/`)) failures.delete(key);
    },
  };
}

async function statusOf(
  images: ImageService,
  pod: Pod,
  reference: string,
  path: string,
  events: EventRecorder,
): Promise<Image | undefined> {
  try {
    return await images.status(reference);
  } catch (error) {
    if (!isMinkeError(error, "InvalidArgument") && !(isMinkeError(error) && error.reason === "InvalidImageName")) {
      throw waitingError("ImageInspectError", `Failed to inspect image "${reference}": ${messageOf(error)}`);
    }
    const message = `Failed to apply default image tag "${reference}": couldn't parse image name "${reference}": invalid reference format`;
    events.record(pod, "Warning", "InspectFailed", message, path);
    events.record(pod, "Warning", "Failed", "Error: InvalidImageName", path);
    throw waitingError("InvalidImageName", message);
  }
}

function waitingError(reason: string, message: string, retryAtMs?: number): MinkeError {
  return new MinkeError("Unavailable", message, {
    reason,
    details: { recorded: true, ...(retryAtMs === undefined ? {} : { retryAtMs }) },
  });
}
