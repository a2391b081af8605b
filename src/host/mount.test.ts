import { expect, test } from "vitest";

import { mountSteps, overlayFields } from "./mount.ts";

const BIND = 0x1000;
const REC = 0x4000;
const REMOUNT = 0x20;

test("a read-only recursive bind with propagation takes three calls", () => {
  expect(mountSteps({ type: "none", source: "/a", target: "/b", flags: ["rbind", "ro", "nosuid", "rslave"] })).toEqual([
    ["/a", "/b", "none", BIND | REC, ""],
    ["none", "/b", "none", REMOUNT | BIND | 1 | 2, ""],
    ["none", "/b", "none", (1 << 19) | REC, ""],
  ]);
});

test.each([
  [{ type: "tmpfs", source: "tmpfs", target: "/t", data: "size=1" }, [["tmpfs", "/t", "tmpfs", 0, "size=1"]]],
  [{ type: "none", source: "/a", target: "/b", flags: ["bind"] as const }, [["/a", "/b", "none", BIND, ""]]],
  [{ type: "none", source: "none", target: "/b", flags: ["shared"] as const }, [["none", "/b", "none", 1 << 20, ""]]],
  [
    { type: "none", source: "none", target: "/b", flags: ["remount", "bind", "ro"] as const },
    [["none", "/b", "none", REMOUNT | BIND | 1, ""]],
  ],
])("mountSteps(%j)", (request, steps) => {
  expect(mountSteps(request)).toEqual(steps);
});

test("an overlay goes through links when its data would not fit a page or a name has a separator", () => {
  const upper = { upper: "/u,1", work: "/w", target: "/t" };
  expect(overlayFields({ lower: ["/a", "/b"], ...upper })).toEqual([
    "/t",
    ",upperdir=/u\\,1,workdir=/w",
    "",
    "/a",
    "/b",
  ]);
  expect(overlayFields({ lower: ["/a:b"], target: "/t" })).toEqual(["/t", "", "/t.lower", "/a:b"]);
  const many = Array.from({ length: 100 }, (_, i) => `/images/layers/${"0".repeat(60)}${i}`);
  expect(overlayFields({ lower: many, target: "/t" })[2]).toBe("/t.lower");
});
