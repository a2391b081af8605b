/** The logs of all containers of a play on one stdout, each line behind its source, restarts included. */
import type { ContainerStatus, Pod } from "../../api/gen/types.ts";
import { isMinkeError, messageOf } from "../../base/errors.ts";
import type { PodClient } from "../../sdk/pods.ts";
import type { CliContext } from "../context.ts";
import { painterFor, wheelColour } from "../output/colour.ts";
import { prefixed } from "../output/log-lines.ts";
import { padded } from "../output/width.ts";
import { allContainers, allStatuses } from "../pod-containers.ts";

export class LogStreams {
  readonly #context: CliContext;
  readonly #podsOf: (namespace: string) => PodClient;
  readonly #prefixes: ReadonlyMap<string, string>;
  readonly #seen = new Set<string>();
  readonly #tails = new Map<string, Promise<void>>();
  readonly #ended = new AbortController();

  /** `pods`: all Pods of the play, for the width of the prefixes. */
  constructor(context: CliContext, podsOf: (namespace: string) => PodClient, pods: readonly Pod[]) {
    this.#context = context;
    this.#podsOf = podsOf;
    this.#prefixes = prefixesOf(context, pods);
  }

  /** Starts to follow every container that has begun and is not followed yet. */
  update(pod: Pod): void {
    for (const status of allStatuses(pod)) {
      // One that was restarted before we saw it: its last log first.
      const last = status.lastState?.terminated?.containerID;
      if (last !== undefined && !this.#seen.has(last) && status.restartCount > 0)
        this.#add(pod, status, { id: last, previous: true });
      const id = status.containerID;
      const began = status.state?.running !== undefined || status.state?.terminated !== undefined;
      if (began && id !== undefined && id !== "") this.#add(pod, status, { id, previous: false });
    }
  }

  /** Resolves when every log has come to its end. */
  async drained(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  /** Ends all logs. */
  stop(): void {
    this.#ended.abort();
  }

  #add(pod: Pod, status: ContainerStatus, which: { readonly id: string; readonly previous: boolean }): void {
    if (this.#seen.has(which.id)) return;
    this.#seen.add(which.id);
    const key = keyOf(pod, status.name);
    // The log of a restarted container follows that of its predecessor.
    const tail = (this.#tails.get(key) ?? Promise.resolve()).then(() => this.#copy(pod, status.name, which.previous));
    this.#tails.set(key, tail);
  }

  async #copy(pod: Pod, container: string, previous: boolean): Promise<void> {
    const pods = this.#podsOf(pod.metadata.namespace ?? "default");
    const options = { container, ...(previous ? { previous } : { follow: true }), signal: this.#ended.signal };
    try {
      const log = pods.logs(pod.metadata.name ?? "", options);
      const prefix = this.#prefixes.get(keyOf(pod, container)) ?? `${container} | `;
      for await (const block of prefixed(log, prefix)) await this.#context.print(block);
    } catch (error) {
      const gone = isMinkeError(error, "NotFound") || isMinkeError(error, "InvalidArgument");
      if (!this.#ended.signal.aborted && !gone)
        this.#context.note(`Cannot show the log of ${container}: ${messageOf(error)}`);
    }
  }
}

/** `nginx | `, and with several Pods `web/nginx | `; all equally wide, each in a colour of its own. */
function prefixesOf(context: CliContext, pods: readonly Pod[]): Map<string, string> {
  const paint = painterFor(context.stdout, context.env);
  const several = pods.length > 1;
  const rows = pods.flatMap((pod) =>
    allContainers(pod).map(({ name }) => ({
      key: keyOf(pod, name),
      label: several ? `${pod.metadata.name}/${name}` : name,
    })),
  );
  const width = Math.max(0, ...rows.map(({ label }) => label.length));
  return new Map(rows.map(({ key, label }, i) => [key, `${paint(wheelColour(i), `${padded(label, width)} |`)} `]));
}

function keyOf(pod: Pod, container: string): string {
  return `${pod.metadata.uid}/${container}`;
}
