/**
 * Kubernetes' quantities: a decimal number with a suffix (`100m`, `1.5Gi`, `12e6`). Kept exactly, as a whole number of
 * billionths, which is the finest that Kubernetes keeps (apimachinery api/resource).
 */
import { MinkeError } from "../base/errors.ts";

export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

export interface Amount {
  /** Billionths of the unit. */
  readonly nanos: bigint;
  /** The family of suffixes it was written with. */
  readonly format: QuantityFormat;
}

const NANOS = 1_000_000_000n;
/** 2^63 − 1: what is larger counts as this. */
const LIMIT = (2n ** 63n - 1n) * NANOS;
/** No number within {@link LIMIT} needs more; without a limit an exponent of many digits would take all memory. */
const EXPONENT_LIMIT = 64;

const DECIMAL_SUFFIXES: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  "": 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const BINARY_SUFFIXES = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const SYNTAX = /^([+-]?)(?:(\d+)(?:\.(\d*))?|\.(\d+))([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?$/;

/** Reads a quantity; a JSON number counts as its decimal text. Throws `InvalidArgument` with Kubernetes' wording. */
export function parseQuantity(input: string | number): Amount {
  const text = String(input);
  const match = SYNTAX.exec(text);
  if (!match) {
    const why = /^[+-]?(\d+\.?\d*|\.\d+)/.test(text)
      ? "unable to parse quantity's suffix"
      : "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    throw new MinkeError("InvalidArgument", why);
  }
  const [, sign, whole = "", fraction = "", onlyFraction = "", suffix = ""] = match;
  const digits = whole + fraction + onlyFraction;
  const point = fraction.length + onlyFraction.length;
  const { base, exponent, format } = readSuffix(suffix);
  const nanos =
    base === 2
      ? divideUp(BigInt(digits) * 2n ** BigInt(exponent) * NANOS, 10n ** BigInt(point))
      : scaleUp(digits, exponent - point + 9);
  const capped = nanos > LIMIT ? LIMIT : nanos;
  const small = capped > 0n && capped < NANOS;
  return { nanos: sign === "-" ? -capped : capped, format: format === "BinarySI" && small ? "DecimalSI" : format };
}

function readSuffix(suffix: string): { base: 2 | 10; exponent: number; format: QuantityFormat } {
  if (/^[eE][+-]?\d/.test(suffix)) return { base: 10, exponent: Number(suffix.slice(1)), format: "DecimalExponent" };
  const binary = BINARY_SUFFIXES.indexOf(suffix);
  if (binary > 0) return { base: 2, exponent: 10 * binary, format: "BinarySI" };
  return { base: 10, exponent: DECIMAL_SUFFIXES[suffix]!, format: "DecimalSI" };
}

/** `digits` × 10^`exponent`, rounded up to a whole number. */
function scaleUp(digits: string, exponent: number): bigint {
  const value = BigInt(digits);
  if (value === 0n) return 0n;
  if (exponent >= 0) return value * 10n ** BigInt(Math.min(exponent, EXPONENT_LIMIT));
  return -exponent > digits.length ? 1n : divideUp(value, 10n ** BigInt(-exponent));
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

/** The canonical text: no fraction, the largest suffix that loses nothing. */
export function formatQuantity(amount: Amount): string {
  const { nanos } = amount;
  if (nanos === 0n) return "0";
  const size = nanos < 0n ? -nanos : nanos;
  if (amount.format === "BinarySI" && size >= 1024n * NANOS && size % NANOS === 0n) {
    let value = nanos / NANOS;
    let power = 0;
    for (; value % 1024n === 0n && power < BINARY_SUFFIXES.length - 1; power++) value /= 1024n;
    return `${value}${BINARY_SUFFIXES[power]}`;
  }
  let value = nanos;
  let exponent = -9;
  for (; value % 1000n === 0n && exponent < 18; exponent += 3) value /= 1000n;
  if (amount.format === "DecimalExponent") return exponent === 0 ? `${value}` : `${value}e${exponent}`;
  const suffix = Object.keys(DECIMAL_SUFFIXES).find((key) => DECIMAL_SUFFIXES[key] === exponent)!;
  return `${value}${suffix}`;
}

/** As Kubernetes stores it: `0.5` becomes `500m`. */
export function canonicalQuantity(input: string | number): string {
  return formatQuantity(parseQuantity(input));
}

/** Negative, zero or positive as `a` is less than, equal to or greater than `b`. */
export function compareQuantity(a: string | number, b: string | number): number {
  const difference = parseQuantity(a).nanos - parseQuantity(b).nanos;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** Sum; the format is that of the first. */
export function addQuantity(a: Amount, b: Amount): Amount {
  return { nanos: a.nanos + b.nanos, format: a.format };
}

/** Thousandths, rounded up: CPU in milli-cores. */
export function milliValue(input: string | number): number {
  return Number(roundAway(parseQuantity(input).nanos, NANOS / 1000n));
}

/** Whole units, rounded up: memory in bytes. Exact up to 2^53. */
export function wholeValue(input: string | number): number {
  return Number(roundAway(parseQuantity(input).nanos, NANOS));
}

/** Rounded up (away from zero) to thousandths, as the API server does with resources. */
export function roundToMilli(amount: Amount): Amount {
  const unit = NANOS / 1000n;
  return { ...amount, nanos: roundAway(amount.nanos, unit) * unit };
}

/** Each amount of a list of resources, rounded up to thousandths and in canonical form. */
export function roundUpAmounts(amounts: Readonly<Record<string, string | number>>): Record<string, string> {
  const rounded = (amount: string | number): string => formatQuantity(roundToMilli(parseQuantity(amount)));
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, rounded(amount)]));
}

function roundAway(value: bigint, unit: bigint): bigint {
  return value < 0n ? -divideUp(-value, unit) : divideUp(value, unit);
}
