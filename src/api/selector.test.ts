import { describe, expect, test } from "vitest";
import type { KubeObject } from "./object.ts";
import { parseSelector, selects } from "./selector.ts";

const pod: KubeObject = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "default", labels: { app: "web", tier: "front", rank: "7", empty: "" } },
  spec: { nodeName: "here" },
  status: { phase: "Running" },
};

describe("labels", () => {
  test.each([
    ["", true],
    ["app=web", true],
    ["app==web,tier=front", true],
    ["app = web , tier", true],
    ["app!=web", false],
    ["other!=x", true],
    ["tier in (back, front)", true],
    ["tier notin (front)", false],
    ["other notin (x)", true],
    ["!other", true],
    ["!app", false],
    ["empty=", true],
    ["rank>6", true],
    ["rank<7", false],
    ["example.com/x", false],
    ["constructor", false],
  ])("%j: %s", (text, expected) => expect(selects(parseSelector("Pod", text), pod)).toBe(expected));

  test.each([
    ["app=web,", "expected: identifier after ','"],
    ["=web", "found '=', expected: !, identifier"],
    ["app in web", "found 'web', expected: '('"],
    ["app in (web", "found '', expected: ',' or ')'"],
    ["app=a b", "found 'b', expected: ',' or 'end of string'"],
    ["app=$", "a valid label must be"],
    ["-x=1", "name part must consist of"],
    ["rank>x", "expected: an integer"],
  ])("refuses %j", (text, message) => expect(() => parseSelector("Pod", text)).toThrow(message));
});

describe("fields", () => {
  test.each([
    ["metadata.name=web", true],
    ["metadata.name==web,status.phase!=Failed", true],
    ["spec.nodeName=", false],
    ["spec.hostNetwork=false", true],
    ["metadata.name=we\\,b", false],
  ])("%j: %s", (text, expected) => expect(selects(parseSelector("Pod", "", text), pod)).toBe(expected));

  test("know an Event's involved object", () => {
    const event = { apiVersion: "v1", kind: "Event", metadata: {}, involvedObject: { name: "web", kind: "Pod" } };
    expect(selects(parseSelector("Event", "", "involvedObject.name=web,involvedObject.kind=Pod"), event)).toBe(true);
  });

  test.each([
    ["spec.foo=1", "field label not supported: spec.foo"],
    ["metadata.name", "can't understand 'metadata.name'"],
  ])("refuse %j", (text, message) => expect(() => parseSelector("Pod", "", text)).toThrow(message));
});
