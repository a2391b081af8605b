import { describe, expect, test } from "vitest";

import { compilePath, compileTemplate } from "./jsonpath.ts";

const pod = {
  metadata: { name: "web", labels: { "app.kubernetes.io/name": "shop" } },
  spec: {
    containers: [
      { name: "a", image: "x" },
      { name: "b", image: "y" },
      { name: "c", image: "z" },
    ],
  },
  status: {
    phase: "Running",
    restarts: 3,
    conditions: [
      { type: "Initialized", status: "True" },
      { type: "Ready", status: "False" },
    ],
  },
};

describe("compileTemplate()", () => {
  test.each([
    ["{.status.phase}", "Running"],
    ["{$.status.phase}", "Running"],
    ["name={.metadata.name}", "name=web"],
    ["{.spec.containers[0].name}", "a"],
    ["{.spec.containers[-1].name}", "c"],
    ["{.spec.containers[0:2].name}", "a b"],
    ["{.spec.containers[*].name}", "a b c"],
    ["{..image}", "x y z"],
    ["{.metadata['name']}", "web"],
    ["{.metadata.labels.app\\.kubernetes\\.io/name}", "shop"],
    ["{.metadata.labels['app.kubernetes.io/name']}", "shop"],
    ['{.status.conditions[?(@.type=="Ready")].status}', "False"],
    ["{.status.conditions[?(@.type!='Ready')].type}", "Initialized"],
    ['{.spec.containers[?(@.image>="y")].name}', "b c"],
    ['{range .spec.containers[*]}{.name}{"\\t"}{.image}{"\\n"}{end}', "a\tx\nb\ty\nc\tz\n"],
    ["{.status.restarts}", "3"],
    ["{.spec.containers[0]}", '{"name":"a","image":"x"}'],
    ["{.status.missing.deeper}", ""],
    ["{.spec.containers[9].name}", ""],
  ])("%s", (template, expected) => {
    expect(compileTemplate(template)(pod)).toBe(expected);
  });

  test.each(["{.a", "{range .a}x", "{end}", "{.a[}", "{.a | b}"])("%s is refused", (template) => {
    expect(() => compileTemplate(template)).toThrow(/cannot read the JSONPath template/);
  });
});

test("compilePath() takes a path with and without braces and dot", () => {
  for (const path of ["{.status.phase}", ".status.phase", "status.phase"]) {
    expect(compilePath(path)(pod)).toEqual(["Running"]);
  }
});
