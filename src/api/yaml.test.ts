import { describe, expect, test } from "vitest";
import { formatYaml, parseManifests } from "./yaml.ts";

const read = (text: string) => parseManifests(text, { source: "pod.yaml" });

// What kubectl 1.32 makes of each of these scalars.
const SCALARS: readonly [string, unknown][] = [
  ["0644", 420],
  ["0o644", 420],
  ["-0o7", -7],
  ["089", 89],
  ["-017", -15],
  ["0x1F", 31],
  ["0b101", 5],
  ["1_000", 1000],
  ["12:30:45", "12:30:45"],
  ["8:30", "8:30"],
  ["2001-01-01", "2001-01-01"],
  ["yes", true],
  ["y", true],
  ["off", false],
  ["No", false],
  ["~", null],
  ["NULL", null],
  ["1e3", 1000],
  [".5", 0.5],
  ["1.", 1],
  ["NaN", "NaN"],
  ["0xg", "0xg"],
  ["!!binary aGVsbG8=", "hello"],
  ["!!str 123", "123"],
  ["'yes'", "yes"],
];

test("scalars mean what they mean to kubectl", () => {
  const text = `apiVersion: v1\nkind: X\nv:\n${SCALARS.map(([scalar]) => `- ${scalar}\n`).join("")}`;
  expect(read(text)[0]!.object["v"]).toEqual(SCALARS.map(([, value]) => value));
});

describe("parseManifests", () => {
  test("reads many documents, JSON, lists, and nothing", () => {
    const text = `---\n---\napiVersion: v1\nkind: A\n---\n# only a comment\n---\napiVersion: v1\nkind: PodList\nitems:\n- apiVersion: v1\n  kind: B\n  x: {z: 1}\n- apiVersion: v1\n  kind: C\n`;
    const manifests = read(text);
    expect(manifests.map(({ object, line }) => [object["kind"], line])).toEqual([
      ["A", 3],
      ["B", 11],
      ["C", 14],
    ]);
    expect(manifests[1]!.positionOf("x.z")).toEqual({ line: 13, column: 7 });
    expect(read('{\n\t"apiVersion": "v1",\n\t"kind": "Pod"\n}')[0]!.object).toEqual({ apiVersion: "v1", kind: "Pod" });
    expect(read("")).toEqual([]);
  });

  test("knows where a field stands, or the nearest one above it", () => {
    const [manifest] = read(
      "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - &c\n    name: a\n    image: b\n  - *c\n",
    );
    const at = (path: string): string => Object.values(manifest!.positionOf(path)).join(":");
    expect(at("spec.containers[0].image")).toBe("7:5");
    expect(at("spec.containers[0].ports[0].hostPort")).toBe("6:5");
    expect(at("spec.containers[1].name")).toBe("6:5");
    expect(at("metadata.name")).toBe("1:1");
  });

  test.each([
    ["a: [1\nb: 2", "Cannot read pod.yaml:2:1: Flow sequence"],
    ["kind: x\n\tb: 1", "Cannot read pod.yaml:2:1: a tab indents this line; YAML takes spaces only"],
    ["a: 1\nb: 2\na: 3", "Cannot read pod.yaml:3:1: Map keys must be unique"],
    ["- 1", "Cannot read pod.yaml:1:1: expected an object with apiVersion and kind, found a list"],
    ["just text", "found a string"],
    ["apiVersion: v1\nmetadata: {}", "Cannot read pod.yaml:1:1: the object has no kind"],
    ["kind: Pod\napiVersion: 1", "Cannot read pod.yaml:2:1: the object has no apiVersion"],
    ["kind: Pod\napiVersion: v1\na: *x", "Unresolved alias"],
    ['{"kind": "Pod",,}', "Cannot read pod.yaml:1:16: Unexpected ,"],
    ["[".repeat(100_000), "Cannot read pod.yaml:1:"],
  ])("refuses %j", (text, message) => expect(() => read(text)).toThrow(message));

  test("refuses an alias bomb", () => {
    let text = "apiVersion: v1\nkind: X\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (let i = 1; i < 12; i++)
      text += `a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(",")}]\n`;
    expect(() => read(text)).toThrow("Excessive alias count");
  });
});

test("formatYaml writes what reads back the same, in kubectl's layout", () => {
  const a = ["yes", "8:30", "0644", "a: b", "x y", { b: 1, c: ["x"] }];
  const value = { kind: "Pod", apiVersion: "v1", a, s: "a\nb\n" };
  const text = formatYaml(value);
  expect(text).toBe(
    `a:\n- "yes"\n- "8:30"\n- "0644"\n- 'a: b'\n- x y\n- b: 1\n  c:\n  - x\napiVersion: v1\nkind: Pod\ns: |\n  a\n  b\n`,
  );
  expect(read(text)[0]!.object).toEqual(value);
});
