/** Milliseconds of the runtime, nanoseconds of the CRI. */

const NS_PER_MS = 1_000_000n;

export function nanoseconds(ms: number): bigint {
  return BigInt(Math.trunc(ms)) * NS_PER_MS;
}
