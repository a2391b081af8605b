import { expect, test } from "vitest";

import { readChallenges } from "./challenge.ts";

test.each([
  ["", []],
  ['Basic realm="a b"', [{ scheme: "basic", parameters: { realm: "a b" } }]],
  [
    'Bearer realm="https://t.example/token",service="s, t",scope="repository:a:pull",error=invalid_token',
    [
      {
        scheme: "bearer",
        parameters: {
          realm: "https://t.example/token",
          service: "s, t",
          scope: "repository:a:pull",
          error: "invalid_token",
        },
      },
    ],
  ],
  [
    'Negotiate, Basic realm="a\\"b" , BEARER Realm=x',
    [
      { scheme: "negotiate", parameters: {} },
      { scheme: "basic", parameters: { realm: 'a"b' } },
      { scheme: "bearer", parameters: { realm: "x" } },
    ],
  ],
  ['realm="of nobody"', []],
  ['Basic realm="open', [{ scheme: "basic", parameters: {} }]],
])("readChallenges(%j)", (header, expected) => {
  expect(readChallenges(header)).toEqual(expected);
});
