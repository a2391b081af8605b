/** Programmer errors: what we believe and no input can break. A failed assertion is a bug and crashes the operation. */

export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws unless `condition` holds. The message says what was believed. */
export function assert(condition: unknown, belief: string): asserts condition {
  if (!condition) throw new AssertionError(`Assertion failed: ${belief}`);
}

/** Marks a place that a complete switch over a union can not reach. */
export function unreachable(value: never): never {
  throw new AssertionError(`Assertion failed: unreachable value ${JSON.stringify(value)}`);
}
