import { describe, expect, test } from "vitest";

import { normaliseFlags, splitLine, strayFlag } from "./argv.ts";

describe("splitLine()", () => {
  test.each([
    ["get pods -n ns", "get", [], ["pods", "-n", "ns"]],
    ["-n ns get pods", "get", ["-n", "ns"], ["pods"]],
    ["-nns --instance=x get pods", "get", ["-nns", "--instance=x"], ["pods"]],
    ["-A -o wide get pods", "get", ["-A", "-o", "wide"], ["pods"]],
    ["--state /run/x logs -f web", "logs", ["--state", "/run/x"], ["-f", "web"]],
    ["--help", "", ["--help"], []],
    ["", "", [], []],
  ])("%s", (line, verb, globals, args) => {
    const argv = line.split(" ").filter((word) => word !== "");
    expect(splitLine(argv)).toEqual({ verb, globals, args, afterDashes: undefined });
  });

  test("what follows -- is kept apart, its flags untouched", () => {
    expect(splitLine(["exec", "-it", "web", "--", "ls", "-n", "--", "x"])).toEqual({
      verb: "exec",
      globals: [],
      args: ["-it", "web"],
      afterDashes: ["ls", "-n", "--", "x"],
    });
  });
});

test("strayFlag() finds what can not stand before a verb", () => {
  expect(strayFlag(["-nns", "--state=/x", "--instance", "x", "-A"])).toBeUndefined();
  expect(strayFlag(["-n", "ns", "--follow"])).toBe("--follow");
});

describe("normaliseFlags()", () => {
  const shapes = {
    shorts: new Map([
      ["n", "namespace"],
      ["i", "stdin"],
      ["t", "tty"],
      ["c", "container"],
      ["f", "filename"],
    ]),
    longs: new Map([
      ["namespace", { takesValue: true, repeats: false }],
      ["stdin", { takesValue: false, repeats: false }],
      ["tty", { takesValue: false, repeats: false }],
      ["container", { takesValue: true, repeats: false }],
      ["filename", { takesValue: true, repeats: true }],
      ["tail", { takesValue: true, repeats: false }],
    ]),
  };

  test.each([
    ["-nns", "--namespace=ns"],
    ["-n=ns", "--namespace=ns"],
    ["-n ns", "--namespace=ns"],
    ["-it", "--stdin --tty"],
    ["-itc web", "--stdin --tty --container=web"],
    ["-itcweb pod", "--stdin --tty --container=web pod"],
    ["-i=false pod", "--stdin=false pod"],
    ["--tail -1", "--tail=-1"],
    ["--tail=-1", "--tail=-1"],
    ["-f a -f b -f -", "--filename=a --filename=b --filename=-"],
    ["-n a pod -n b", "pod --namespace=b"],
    ["--namespace a --namespace=b", "--namespace=b"],
    ["- pod", "- pod"],
    ["-z", "-z"],
    ["--unknown value", "--unknown value"],
    ["-n", "--namespace"],
  ])("%s becomes %s", (line, expected) => {
    expect(normaliseFlags(line.split(" "), shapes).join(" ")).toBe(expected);
  });
});
