import { describe, expect, test } from "vitest";

import { type TomlTable, type TomlValue, readToml } from "./toml.ts";

function plain(value: TomlValue): unknown {
  return value instanceof Map ? [...(value as TomlTable)].map(([key, one]) => [key, plain(one)]) : value;
}

describe("readToml()", () => {
  test("reads what hosts.toml files have, tables in their order", () => {
    const text = `# a comment
server = "https://registry.example" # behind a value
skip_verify=true
dial_timeout = '5s'

[host."https://b.example"]
  capabilities = [
    "pull", # one a line
    'resolve',
  ]
  client = [["a.crt", "a.key"], ["b.pem"]]\r
[host."https://a.example"]
[host."https://a.example".header]
  x-tab = "a\\tb\\u00e9\\\\"
`;
    expect(plain(readToml(text, "f"))).toEqual([
      ["server", "https://registry.example"],
      ["skip_verify", true],
      ["dial_timeout", "5s"],
      [
        "host",
        [
          [
            "https://b.example",
            [
              ["capabilities", ["pull", "resolve"]],
              ["client", [["a.crt", "a.key"], ["b.pem"]]],
            ],
          ],
          ["https://a.example", [["header", [["x-tab", "a\tbé\\"]]]]],
        ],
      ],
    ]);
    expect(plain(readToml("a.b = 1_000\na.c = []", "f"))).toEqual([
      [
        "a",
        [
          ["b", 1000],
          ["c", []],
        ],
      ],
    ]);
    expect(plain(readToml("", "f"))).toEqual([]);
  });

  test.each([
    ["a = 1\nb", '"=" is missing', 2],
    ["a = ", "no text in quotes", 1],
    ["a = 1 2", "more than it should", 1],
    ['a = "x', "no closing", 1],
    ['\na = """x"""', "several lines", 2],
    ['a = "\\q"', "no escape", 1],
    ["[a]\n[a]", "twice", 2],
    ["a = 1\na = 2", "twice", 2],
    ["a = 1\n[a.b]", "cannot be a table", 2],
    ["[[a]]", "arrays of tables", 1],
    ["a = [1", '"]" is missing', 1],
    ["a = 2026-01-01", "no text in quotes", 1],
    ["= 1", "a key is missing", 1],
  ])("refuses %j with its line", (text, why, line) => {
    expect(() => readToml(text, "/etc/f")).toThrow(
      expect.objectContaining({ message: expect.stringContaining(why), details: { file: "/etc/f", line } }),
    );
  });
});
