/** A private, changeable copy of readonly data. */
export type Draft<T> = T extends object ? { -readonly [K in keyof T]: Draft<T[K]> } : T;

/** Copies plain JSON data deeply. The copy belongs to the caller. */
export function draftOf<T>(value: T): Draft<T> {
  return structuredClone(value) as Draft<T>;
}
