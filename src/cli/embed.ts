/**
 * A node inside this process: the only file of the CLI that may load the daemon. `serve` runs one, `play` and the image
 * commands use one when no node answers, `reset` and `doctor` need what it knows.
 */
import type { Logger, LogFields } from "../base/logger.ts";
import { messageOf } from "../base/errors.ts";
import { listFrom, NODE_OPTIONS, type NodeOptions, nodeOptionsFrom } from "../daemon/options.ts";
import type { doctor } from "../daemon/doctor.ts";
import type { checkInstanceStore } from "../daemon/store-files.ts";

export { listFrom, NODE_OPTIONS, type NodeOptions };
export type StoreReport = Awaited<ReturnType<typeof checkInstanceStore>>;
/** One line of the doctor's report. */
export type Requirement = Awaited<ReturnType<typeof doctor>>[number];

/**
 * Starts a node; `note` gets a line for each warning. Disposing it leaves its containers running; when there is no Pod it
 * leaves nothing on the host but its folders.
 */
export async function embedNode(options: NodeOptions, note: (line: string) => void): Promise<AsyncDisposable> {
  const { startNode } = await import("../daemon/start-node.ts");
  return await startNode(nodeOptionsFrom(options), { log: lineLog(note), transient: true });
}

/** Runs a node until a signal ends it. */
export async function serveNode(options: NodeOptions): Promise<void> {
  const { serve } = await import("../daemon/serve.ts");
  await serve(nodeOptionsFrom(options));
}

/** What this host has and lacks. */
export async function examineHost(options: NodeOptions): Promise<readonly Requirement[]> {
  const { doctor } = await import("../daemon/doctor.ts");
  return await doctor(nodeOptionsFrom(options));
}

/** Removes all that the instance ever made. */
export async function resetNode(options: NodeOptions, note: (line: string) => void): Promise<void> {
  const { resetInstance } = await import("../daemon/reset.ts");
  await resetInstance(nodeOptionsFrom(options), { log: lineLog(note) });
}

/** Looks whether the store of an instance that does not run is whole, or that in `file`. */
export async function checkStoreFile(options: NodeOptions, file?: string): Promise<StoreReport> {
  const { checkInstanceStore } = await import("../daemon/store-files.ts");
  return await checkInstanceStore(nodeOptionsFrom(options), file);
}

/** Puts a backup in the place of the store of an instance that does not run. Returns where the old one is. */
export async function restoreStoreFile(options: NodeOptions, file: string): Promise<string | undefined> {
  const { restoreInstanceStore } = await import("../daemon/store-files.ts");
  return await restoreInstanceStore(nodeOptionsFrom(options), file);
}

/** Warnings as lines for people; all else is left out. */
function lineLog(note: (line: string) => void): Logger {
  const nothing = (): void => {};
  const line = (fields: LogFields, message: string): void => {
    // What concerns a Pod is told by its Events.
    if ("podUid" in fields) return;
    const more = Object.entries(fields).map(
      ([key, value]) => `${key}=${value instanceof Error ? messageOf(value) : JSON.stringify(value)}`,
    );
    note(`Warning: ${message}${more.length > 0 ? ` (${more.join(", ")})` : ""}`);
  };
  const log: Logger = { debug: nothing, info: nothing, warn: line, error: line, child: () => log };
  return log;
}
