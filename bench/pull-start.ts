/**
 * What a pull adds to a Pod's start besides the pull itself: from its end to running containers, less a start with the image
 * present. The pull's own time is what the node says of it (`Successfully pulled image … in 0.123s`).
 */
import { type BenchPod, call, watchPods } from "./api.ts";
import { median } from "./figures.ts";

const PODS = "/api/v1/namespaces/default/pods";

export interface PullStart {
  /** The node's API. */
  readonly socket: string;
  /** An image with a shell, in a registry and not on the node. */
  readonly reference: string;
  readonly rounds: number;
  /** Removes all images from the node. */
  readonly forget: () => Promise<void>;
}

/** Milliseconds: the median of the starts with a pull, less the median of those without. */
export async function addedByPull({ socket, reference, rounds, forget }: PullStart): Promise<number> {
  const after: number[] = [];
  const present: number[] = [];
  let changed = (): void => {};
  const pods = new Map<string, BenchPod>();
  const close = await watchPods(socket, (type, pod) => {
    if (type === "DELETED") pods.delete(pod.metadata.name);
    else pods.set(pod.metadata.name, pod);
    changed();
  });
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise<void>((resolve) => (changed = resolve));
  };
  /** Starts a Pod, and takes it away again; milliseconds until its container ran. */
  const start = async (name: string): Promise<number> => {
    const container = { name: "c", image: reference, imagePullPolicy: "IfNotPresent", command: ["/bin/sleep", "1000"] };
    const spec = { terminationGracePeriodSeconds: 0, containers: [container] };
    const began = performance.now();
    await call(socket, "POST", PODS, { apiVersion: "v1", kind: "Pod", metadata: { name }, spec });
    await until(() => pods.get(name)?.status?.containerStatuses?.[0]?.state.running !== undefined);
    const ms = performance.now() - began;
    await call(socket, "DELETE", `${PODS}/${name}?gracePeriodSeconds=0`);
    await until(() => !pods.has(name));
    return ms;
  };
  try {
    for (let round = 0; round <= rounds; round++) {
      await forget();
      const whole = await start(`pulls-${round}`);
      const without = await start(`present-${round}`);
      if (round === 0) continue; // warms up
      after.push(whole - (await pullMs(socket, `pulls-${round}`)));
      present.push(without);
    }
  } finally {
    close();
  }
  return median(after)! - median(present)!;
}

async function pullMs(socket: string, pod: string): Promise<number> {
  interface Events {
    readonly items: readonly { readonly involvedObject: { readonly name: string }; readonly message: string }[];
  }
  const { items } = await call<Events>(socket, "GET", "/api/v1/namespaces/default/events");
  const own = items.filter(({ involvedObject }) => involvedObject.name === pod).map(({ message }) => message);
  const seconds = own.map((message) => /^Successfully pulled image .* in ([\d.]+)s /.exec(message)?.[1]).find(Boolean);
  if (seconds === undefined) throw new Error(`${pod} did not pull its image: ${own.join("; ")}`);
  return Number(seconds) * 1000;
}
