/** One daemon per instance: whoever holds `lock` in its state folder. Beside it stands the holder's pid, for messages. */
import { join } from "node:path";

import { MinkeError } from "../base/errors.ts";
import { atomicWrite, readIfExists } from "../host/files.ts";
import type { Instance } from "../host/instance.ts";
import { holdFile } from "../store/exclusive-file.ts";

/** Takes the lock of an instance, whose state folder must exist. Rejects with `AlreadyExists`, naming the holder's pid. */
export async function lockInstance(instance: Pick<Instance, "name" | "state">): Promise<Disposable> {
  const lock = holdFile(join(instance.state, "lock"));
  if (!lock) {
    const pid = await pidOf(instance);
    throw new MinkeError(
      "AlreadyExists",
      `Cannot start a node of instance "${instance.name}": process ${pid} already runs it; stop it, or choose another --instance`,
      { details: { pid } },
    );
  }
  await atomicWrite(join(instance.state, "lock.pid"), String(process.pid));
  return lock;
}

/** The pid of the daemon that holds the instance, undefined when none runs. */
export async function lockHolder(instance: Pick<Instance, "state">): Promise<number | undefined> {
  const pid = await pidOf(instance);
  if (pid === 0) return undefined;
  const lock = holdFile(join(instance.state, "lock"));
  lock?.[Symbol.dispose]();
  return lock ? undefined : pid;
}

/** As the last holder wrote it; 0 when nobody has yet. */
async function pidOf(instance: Pick<Instance, "state">): Promise<number> {
  return Number((await readIfExists(join(instance.state, "lock.pid"))) ?? 0);
}
