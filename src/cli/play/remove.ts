/** Removes what a play made: Pods first, then what they used. */
import { isMinkeError, messageOf } from "../../base/errors.ts";
import type { Client } from "../../sdk/client.ts";
import type { Made } from "./create.ts";

export interface RemoveOptions {
  /** Resolves when it has to go faster: what is left is killed. */
  readonly force: Promise<unknown>;
  readonly note: (line: string) => void;
}

/** Resolves when all is gone. Tells what could not be removed, and goes on with the rest. True when nothing is left. */
export async function removeAll(client: Client, made: readonly Made[], options: RemoveOptions): Promise<boolean> {
  const pods = made.filter(({ type }) => type.kind === "Pod");
  const others = made.filter(({ type }) => type.kind !== "Pod").toReversed();
  const removed = await Promise.all(
    pods.map((one) => attempt(one, options, () => removePod(client, one, options.force))),
  );
  for (const one of others) {
    removed.push(
      await attempt(
        one,
        options,
        async () => void (await client.resource(one.type, one.namespace).delete(one.name, { uid: one.uid })),
      ),
    );
  }
  return removed.every(Boolean);
}

async function attempt(one: Made, options: RemoveOptions, task: () => Promise<void>): Promise<boolean> {
  try {
    await task();
    return true;
  } catch (error) {
    // Gone, or replaced by another of the same name: either way not ours any more.
    if (isMinkeError(error, "NotFound") || isMinkeError(error, "Conflict")) return true;
    options.note(`Cannot remove ${one.type.singular}/${one.name}: ${messageOf(error)}`);
    return false;
  }
}

async function removePod(client: Client, pod: Made, force: Promise<unknown>): Promise<void> {
  const pods = client.pods(pod.namespace);
  await pods.delete(pod.name, { uid: pod.uid });
  const gone = pods.wait(pod.name, (now) => now === undefined || now.metadata.uid !== pod.uid);
  const forced = force.then(async () => {
    await pods.delete(pod.name, { uid: pod.uid, gracePeriodSeconds: 0 }).catch((error: unknown) => {
      if (!isMinkeError(error, "NotFound")) throw error;
    });
    return await gone;
  });
  await Promise.race([gone, forced]);
}
