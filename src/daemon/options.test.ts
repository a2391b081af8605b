import { describe, expect, test } from "vitest";

import { handlersOf, NODE_OPTIONS, nodeOptionsFrom, parseNodeOptions } from "./options.ts";

describe("node options", () => {
  test("a flag wins over the environment", () => {
    const env = { MINKE_INSTANCE: "a", MINKE_TRACE: "1", MINKE_CNI_BIN_DIRS: "/x:/y", MINKE_ROOT: "" };
    expect(nodeOptionsFrom({ instance: "b" }, env)).toEqual({ instance: "b", trace: true, cniBinDirs: ["/x", "/y"] });
  });

  test.each([
    [{ logLevel: "loud" }, /--log-level "loud": must be one of debug, info, warn, error/],
    [{ nodeName: "Ä" }, /--node-name "Ä": must be lower-case/],
    [{ root: "" }, /--root "": must not be empty/],
    [{ runtime: ["runc"] }, /--runtime \["runc"\]: must be NAME=PROGRAM/],
    [{ imageGcHighThreshold: "101" }, /--image-gc-high-threshold "101": must be a whole number from 0 to 100/],
    [{ imageGcLowThreshold: "much" }, /--image-gc-low-threshold "much": must be a whole number from 0 to 100/],
    [{ eventTtl: "an hour" }, /--event-ttl "an hour": must be a duration that is not negative, such as 30m/],
    [{ eventTtl: "-1h" }, /--event-ttl "-1h": must be a duration/],
    [{ colour: "red" }, /"colour": there is none of that name/],
  ])("%j is refused", (options, message) => {
    expect(() => parseNodeOptions(options)).toThrow(message);
  });

  test("runtimes are named, in one text", () => {
    const options = nodeOptionsFrom({}, { MINKE_RUNTIME: "runc=runc,gvisor=/opt/runsc" });
    expect(handlersOf(options)).toEqual({ runc: "runc", gvisor: "/opt/runsc" });
    expect(handlersOf({})).toEqual({});
  });

  test("percentages are numbers, also out of a text", () => {
    expect(nodeOptionsFrom({ imageGcHighThreshold: 90 }, { MINKE_IMAGE_GC_LOW_THRESHOLD: "70" })).toEqual({
      imageGcHighThreshold: 90,
      imageGcLowThreshold: 70,
    });
  });

  test("a switch in the environment that is neither on nor off is refused", () => {
    expect(() => nodeOptionsFrom({}, { MINKE_TRACE: "maybe" })).toThrow(/--trace "maybe"/);
  });

  test("flags and variables are named alike", () => {
    for (const { flag, env } of Object.values(NODE_OPTIONS)) {
      expect(env).toBe(`MINKE_${flag.toUpperCase().replaceAll("-", "_")}`);
    }
  });
});
