/** A task that is done once. */
export interface Once<T> {
  /** Runs the task at the first call; the same promise afterwards, unless it failed. */
  (): Promise<T>;
  /** The next call runs the task again. */
  forget(): void;
}

export function once<T>(task: () => Promise<T>): Once<T> {
  let running: Promise<T> | undefined;
  const call = (): Promise<T> =>
    (running ??= task().catch((error: unknown) => {
      running = undefined;
      throw error;
    }));
  return Object.assign(call, { forget: () => void (running = undefined) });
}
