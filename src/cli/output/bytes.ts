/** Sizes for people. */

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** `17.4MB`: three significant digits, powers of 1000, as image lists have it. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${UNITS[unit]}`;
}
