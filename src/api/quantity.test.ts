import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  canonicalQuantity,
  compareQuantity,
  formatQuantity,
  milliValue,
  parseQuantity,
  wholeValue,
} from "./quantity.ts";

describe("canonical form", () => {
  test.each([
    ["0.5", "500m"],
    [0.1, "100m"],
    ["100m", "100m"],
    ["1000m", "1"],
    ["1500", "1500"],
    ["1000", "1k"],
    ["12e6", "12e6"],
    ["1E3", "1e3"],
    ["1E", "1E"],
    ["1024Mi", "1Gi"],
    ["1.5Gi", "1536Mi"],
    ["0.5Mi", "512Ki"],
    ["0.5Ki", "512"],
    ["1023", "1023"],
    ["0.3Ki", "307200m"],
    ["-2Ki", "-2Ki"],
    ["+1", "1"],
    [".5", "500m"],
    ["5.", "5"],
    ["0", "0"],
    ["0Gi", "0"],
    ["1n", "1n"],
    ["0.1n", "1n"],
    ["9999999999E", "9223372036854775807"],
    ["1e999999999999", "9223372036854775807"],
    ["1e-999999999999", "1e-9"],
  ])("%s is %s", (input, expected) => expect(canonicalQuantity(input)).toBe(expected));

  test("is its own canonical form and keeps the amount, for any quantity", () => {
    const suffixes = ["", "n", "u", "m", "k", "M", "G", "T", "Ki", "Mi", "Gi", "e3", "E-2"];
    const quantity = fc.tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.nat(999), fc.constantFrom(...suffixes));
    fc.assert(
      fc.property(quantity, ([whole, fraction, suffix]) => {
        const text = `${whole}.${fraction}${suffix}`;
        const once = canonicalQuantity(text);
        expect(canonicalQuantity(once)).toBe(once);
        expect(parseQuantity(once).nanos).toBe(parseQuantity(text).nanos);
      }),
    );
  });
});

test.each([
  ["", "quantities must match"],
  ["abc", "quantities must match"],
  ["1 Gi", "unable to parse quantity's suffix"],
  ["1gb", "unable to parse quantity's suffix"],
  ["1.2.3", "unable to parse quantity's suffix"],
  ["--1", "quantities must match"],
  ["1mi", "unable to parse quantity's suffix"],
])("refuses %j", (text, message) => expect(() => parseQuantity(text)).toThrow(message));

test("values are rounded up", () => {
  expect([milliValue("0.0001"), milliValue("2"), milliValue("1500u")]).toEqual([1, 2000, 2]);
  expect([wholeValue("64Mi"), wholeValue("100m"), wholeValue("-100m")]).toEqual([67108864, 1, -1]);
  expect([compareQuantity("1Gi", "1G"), compareQuantity("1", "1000m"), compareQuantity("0", "1n")]).toEqual([1, 0, -1]);
  expect(formatQuantity({ nanos: 1n, format: "BinarySI" })).toBe("1n");
});
