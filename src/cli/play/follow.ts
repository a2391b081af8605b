/** Follows the Pods of a play from their creation to their end. */
import type { Event, Pod } from "../../api/gen/types.ts";
import type { Client } from "../../sdk/client.ts";
import type { CliContext } from "../context.ts";
import type { Made } from "./create.ts";
import { LogStreams } from "./log-streams.ts";
import { failureText, hasEnded, hasStarted, urlsOf } from "./outcome.ts";
import { Report } from "./report.ts";

export interface Following {
  /** Resolves when every Pod's containers have begun (or the Pod has ended). */
  readonly started: Promise<void>;
  /** Resolves with the last state of each Pod when all have ended or are gone. Rejects when the node stays away. */
  readonly ended: Promise<readonly Pod[]>;
  /** Resolves when all logs have been printed. */
  drained(): Promise<void>;
  /** Ends everything. */
  stop(): void;
}

export interface FollowOptions {
  readonly logs: boolean;
  /** True when the Pods are being removed on purpose. */
  readonly removing: () => boolean;
}

/** Begins to follow. What happened before is seen too. */
export async function follow(
  context: CliContext,
  client: Client,
  made: readonly Made[],
  options: FollowOptions,
): Promise<Following> {
  const mine = made.filter(({ type }) => type.kind === "Pod");
  const pods = await Promise.all(mine.map(async ({ name, namespace }) => client.pods(namespace).get(name)));
  const state = new PodStates(pods, new Report(context), options.removing);
  const logs = new LogStreams(context, (namespace) => client.pods(namespace), pods);
  const stopped = new AbortController();
  const { signal } = stopped;
  const namespaces = [...new Set(mine.map(({ namespace }) => namespace ?? "default"))];

  const watchPods = async (namespace: string): Promise<void> => {
    for await (const { type, object } of client.pods(namespace).watch({ signal })) {
      if (!state.knows(object)) continue;
      if (options.logs) logs.update(object);
      state.update(object, type === "DELETED");
    }
  };
  const watchEvents = async (namespace: string): Promise<void> => {
    const uids = new Set(mine.map(({ uid }) => uid));
    for await (const { type, object } of client.events(namespace).watch({ signal })) {
      if (type !== "DELETED" && uids.has(object.involvedObject.uid ?? "")) state.event(object);
    }
  };
  for (const namespace of namespaces) {
    watchPods(namespace).catch((error: unknown) => state.fail(error));
    watchEvents(namespace).catch(() => {}); // The watch of the Pods says what is wrong.
  }
  return {
    started: state.started.promise,
    ended: state.ended.promise,
    drained: () => logs.drained(),
    stop() {
      stopped.abort();
      logs.stop();
    },
  };
}

/** The last known state of each Pod, and what has been said of it. */
class PodStates {
  readonly started = Promise.withResolvers<void>();
  readonly ended = Promise.withResolvers<readonly Pod[]>();
  readonly #pods: Map<string, Pod>;
  readonly #report: Report;
  readonly #removing: () => boolean;
  readonly #saidStarted = new Set<string>();
  readonly #over = new Set<string>();

  constructor(pods: readonly Pod[], report: Report, removing: () => boolean) {
    this.#pods = new Map(pods.map((pod) => [pod.metadata.uid ?? "", pod]));
    this.#report = report;
    this.#removing = removing;
    this.started.promise.catch(() => {});
    this.ended.promise.catch(() => {});
  }

  knows(pod: Pod): boolean {
    return this.#pods.has(pod.metadata.uid ?? "");
  }

  event(event: Event): void {
    this.#report.event(event);
  }

  update(pod: Pod, deleted: boolean): void {
    const uid = pod.metadata.uid ?? "";
    this.#pods.set(uid, pod);
    if ((hasStarted(pod) || deleted) && !this.#saidStarted.has(uid)) {
      this.#saidStarted.add(uid);
      if (!hasEnded(pod) && !deleted) this.#report.started(pod, urlsOf(pod));
      if (this.#saidStarted.size === this.#pods.size) this.started.resolve();
    }
    if ((hasEnded(pod) || deleted) && !this.#over.has(uid)) {
      this.#over.add(uid);
      if (!this.#removing())
        this.#report.ended(pod, deleted && !hasEnded(pod) ? "it was deleted by someone else" : failureText(pod));
      if (this.#over.size === this.#pods.size) this.ended.resolve([...this.#pods.values()]);
    }
  }

  fail(error: unknown): void {
    this.started.reject(error);
    this.ended.reject(error);
  }
}
