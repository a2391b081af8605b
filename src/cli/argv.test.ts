import { describe, expect, test } from "vitest";

import { normaliseFlags, splitLine } from "./argv.ts";

describe("splitLine()", () => {
  test.each([
    ["get pods -n ns", { verb: "get", args: ["pods", "-n", "ns"] }],
    ["-n ns get pods", { verb: "get", args: ["pods", "-n", "ns"] }],
    ["-nns --instance=x get pods", { verb: "get", args: ["pods", "-nns", "--instance=x"] }],
    ["-A -o wide get pods", { verb: "get", args: ["pods", "-A", "-o", "wide"] }],
    ["--state /run/x logs -f web", { verb: "logs", args: ["-f", "web", "--state", "/run/x"] }],
    ["--help", { verb: "", args: ["--help"] }],
    ["", { verb: "", args: [] }],
  ])("%s", (line, expected) => {
    const argv = line.split(" ").filter((word) => word !== "");
    expect(splitLine(argv)).toEqual({ ...expected, afterDashes: undefined });
  });

  test("what follows -- is kept apart, its flags untouched", () => {
    expect(splitLine(["exec", "-it", "web", "--", "ls", "-n", "--", "x"])).toEqual({
      verb: "exec",
      args: ["-it", "web"],
      afterDashes: ["ls", "-n", "--", "x"],
    });
  });
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
