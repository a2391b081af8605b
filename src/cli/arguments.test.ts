/** The small parsers of arguments. */
import { describe, expect, test } from "vitest";

import { NODES, PODS, SECRETS } from "../api/resources.ts";
import { wordsOf } from "./commands/image/import.ts";
import { parsePorts } from "./forward-ports.ts";
import { sortedBy } from "./sort-by.ts";
import { suggestions } from "./suggest.ts";
import { podNamed, targetsOf } from "./targets.ts";
import { parseGoal } from "./wait-goal.ts";

test("targetsOf()", () => {
  expect(targetsOf(["pods"])).toEqual([{ type: PODS }]);
  expect(targetsOf(["po", "a", "b"])).toEqual([
    { type: PODS, name: "a" },
    { type: PODS, name: "b" },
  ]);
  expect(targetsOf(["pod/a", "no/n"])).toEqual([
    { type: PODS, name: "a" },
    { type: NODES, name: "n" },
  ]);
  expect(targetsOf(["pods,secrets"])).toEqual([{ type: PODS }, { type: SECRETS }]);
  expect(targetsOf(["all"])).toEqual([{ type: PODS }]);
  for (const wrong of [[], ["pod/"], ["pod/a", "b"], ["pdos"]]) expect(() => targetsOf(wrong)).toThrow();
  expect(podNamed("pod/a")).toBe("a");
  expect(() => podNamed("node/a")).toThrow(/is not a Pod/);
});

test("parsePorts()", () => {
  expect(parsePorts("8080:80")).toEqual({ local: 8080, remote: 80 });
  expect(parsePorts("80")).toEqual({ local: 80, remote: 80 });
  expect(parsePorts(":80")).toEqual({ local: 0, remote: 80 });
  for (const wrong of ["", "a:80", "80:", "70000:1", "1:0"]) expect(() => parsePorts(wrong)).toThrow(/pair of ports/);
});

test("wordsOf() takes a JSON array, a shell's words, or one word a value", () => {
  const nginx = ["nginx", "-g", "daemon off;"];
  expect(wordsOf("--cmd", ['["nginx","-g","daemon off;"]'])).toEqual(nginx);
  expect(wordsOf("--cmd", nginx)).toEqual(nginx);
  for (const text of ["nginx -g 'daemon off;'", ' nginx  -g "daemon off;" ', "nginx -g daemon\\ off\\;"]) {
    expect(wordsOf("--cmd", [text]), text).toEqual(nginx);
  }
  expect(wordsOf("--cmd", [`sh -c "echo \\"a\\" '$b'" ''`])).toEqual(["sh", "-c", `echo "a" '$b'`, ""]);
  expect(wordsOf("--cmd", [""])).toEqual([]);
  for (const wrong of ["[1]", "[", '[{"a":1', "sh 'x", 'sh "x', "x\\"]) {
    expect(() => wordsOf("--cmd", [wrong]), wrong).toThrow(/--cmd/);
  }
});

test("suggestions() finds slips, not strangers", () => {
  const verbs = ["get", "delete", "describe", "logs", "port-forward"];
  expect(suggestions("gte", verbs)[0]).toBe("get");
  expect(suggestions("desc", verbs)[0]).toBe("describe");
  expect(suggestions("port-foward", verbs)).toEqual(["port-forward"]);
  expect(suggestions("xyzzy", verbs)).toEqual([]);
});

test("sortedBy(): numbers by value, missing first, stable", () => {
  const items = [{ n: 10 }, { n: 9 }, {}, { n: 9, second: true }];
  const sorted = sortedBy(items, (item) => ["n" in item ? item.n : undefined]);
  expect(sorted).toEqual([{}, { n: 9 }, { n: 9, second: true }, { n: 10 }]);
});

describe("parseGoal()", () => {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { uid: "1" },
    status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
  };

  test.each([
    ["condition=Ready", true],
    ["condition=ready=TRUE", true],
    ["condition=Ready=false", false],
    ["condition=Initialized", false],
    ["jsonpath={.status.phase}=Running", true],
    ["jsonpath={.status.phase}='Running'", true],
    ["jsonpath=.status.phase=Failed", false],
    ["jsonpath={.status.phase}", true],
    ["jsonpath={.status.podIP}", false],
    ['jsonpath={.status.conditions[?(@.type=="Ready")].status}=True', true],
    ["delete", false],
    ["create", true],
  ])("%s", (goal, met) => {
    expect(parseGoal(goal).testFor(pod)(pod)).toBe(met);
  });

  test("delete is reached when the object is gone, or is another of the same name", () => {
    const met = parseGoal("delete").testFor(pod);
    expect(met(undefined)).toBe(true);
    expect(met({ ...pod, metadata: { uid: "2" } })).toBe(true);
  });

  test("nonsense is refused", () => expect(() => parseGoal("ready")).toThrow(/unrecognized condition/));
});
