/**
 * Wakes on conmon's exit files. The directory is watched, not the files, because a file watch ends with a rename, which is
 * how conmon writes. A wake-up is a hint: whoever is told reads the file.
 */
import { mkdirSync, watch } from "node:fs";

export interface ExitWatcher extends Disposable {
  readonly directory: string;
}

/**
 * Keeps the process alive until it is disposed: whoever runs containers waits for their ends.
 *
 * Calls `changed` with the name of a file that came into `directory`, or with undefined when the kernel could not say which
 * (its queue was full): look at all then.
 */
export function watchExits(
  directory: string,
  changed: (name: string | undefined) => void,
  failed: (error: unknown) => void,
): ExitWatcher {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const watcher = watch(directory, (_event, name) => changed(name ?? undefined));
  watcher.on("error", failed);
  return { directory, [Symbol.dispose]: () => watcher.close() };
}
