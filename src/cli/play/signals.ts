/** Ctrl-C and its sisters: the first asks for an end, the second for a fast one, the third gets it at once. */
import { EXIT } from "../exit.ts";

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: 129 } as const;

export interface EndSignals extends Disposable {
  /** Resolves with the exit code at the first signal. */
  readonly first: Promise<number>;
  readonly second: Promise<void>;
  /** As if a signal had come. */
  raise(code: number): void;
}

/** Takes the signals over until disposed. */
export function endSignals(): EndSignals {
  const first = Promise.withResolvers<number>();
  const second = Promise.withResolvers<void>();
  let count = 0;
  const raise = (code: number): void => {
    count++;
    if (count === 1) first.resolve(code);
    else if (count === 2) second.resolve();
    else process.exit(code);
  };
  const handlers = Object.entries(CODES).map(
    ([signal, code]) => [signal as NodeJS.Signals, () => raise(code)] as const,
  );
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return {
    first: first.promise,
    second: second.promise,
    raise,
    [Symbol.dispose]() {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    },
  };
}
