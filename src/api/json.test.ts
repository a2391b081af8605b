import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJson } from "./json.ts";

test.each([
  ['{"a":1,"b":{"a":2}}', []],
  ['{"a":1,"a":2}', ["a"]],
  ['{"a":[{"b":1},{"b":1,"c":":,{","b":2}]}', ["a[1].b"]],
  ['{"a":{"x":1},"a":{"x":1,"\\u0078":2}}', ["a", "a.x"]],
  ['"{\\"a\\":1,\\"a\\":2}"', []],
])("%s", (text, expected) => expect(parseJson(text).duplicate).toEqual(expected));

test("finds none in what JSON.stringify wrote", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(parseJson(text)).toEqual({ value: JSON.parse(text), duplicate: [] });
    }),
  );
});

test("says that a text is no JSON", () => expect(() => parseJson("{a}")).toThrow("it is not JSON"));
