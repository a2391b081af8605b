import { expect, test } from "vitest";

import { CGROUP_PLACES } from "./driver.ts";
import { requireSlice, serviceOf, sliceOf, unitOf } from "./units.ts";

// Names as the kubelet's cgroup manager makes them (cgroup_manager_linux_test.go: TestCgroupNameToSystemdConversion).
test.each([
  ["minke", "minke.slice"],
  ["minke-two", "minke_two.slice"],
  ["minke/kubepods/pod1", "minke.slice/minke-kubepods.slice/minke-kubepods-pod1.slice"],
  ["kubepods/burstable/pod-123", "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod_123.slice"],
])("%s is the slice %s", (path, expected) => {
  expect(sliceOf(path).path).toBe(expected);
  expect(sliceOf(path).name).toBe(expected.split("/").at(-1));
});

test("an instance's slice is in no other instance's", () => {
  const { placeOf } = CGROUP_PLACES.systemd;
  expect(placeOf("minke-two").startsWith(placeOf("minke"))).toBe(false);
});

test.each([
  ["/test.slice", "test.slice"],
  ["/kubepods-pod1.slice", "kubepods.slice/kubepods-pod1.slice"],
  ["/kubepods.slice/kubepods-pod1.slice", "kubepods.slice/kubepods-pod1.slice"],
  ["/", "."],
  ["/-.slice", "."],
])("a caller's %s is at %s", (parent, path) => {
  expect(requireSlice(parent).path).toBe(path);
});

test.each(["/kubepods/pod1", "/a--b.slice", "/-a.slice", "/a-.slice", "/.slice", "/a.slice/b.scope"])(
  "a caller's %s is refused",
  (parent) => {
    expect(() => requireSlice(parent)).toThrow(`Cannot use cgroup parent "${parent}"`);
  },
);

test("with the driver cgroupfs a caller's slice is refused, and anything else taken as it is", () => {
  const { placeOfCallers } = CGROUP_PLACES.cgroupfs;
  expect(() => placeOfCallers("/kubepods.slice/kubepods-pod1.slice")).toThrow("--cgroup-driver systemd");
  expect(placeOfCallers("//kubepods/./pod1/")).toBe("kubepods/pod1");
  expect(placeOfCallers("/")).toBe(".");
});

test.each([
  ["0::/system.slice/minke.service\n", "minke.service"],
  ["0::/system.slice/minke.service/below\n", "minke.service"],
  ["1:name=systemd:/\n0::/user.slice/user-0.slice/session-1.scope\n", undefined],
  ["0::/\n", undefined],
])("a process in %j is of service %s", (cgroup, service) => {
  expect(serviceOf(cgroup)).toBe(service);
});

test.each([
  ["a.slice/a-b.slice", { name: "a-b.slice", path: "a.slice/a-b.slice" }],
  ["a.slice/minke-1.scope", { name: "minke-1.scope", path: "a.slice/minke-1.scope" }],
  ["a.slice/minke-1.scope/container", { name: "minke-1.scope", path: "a.slice/minke-1.scope" }],
  ["minke/kubepods", undefined],
  ["a.slice/by-hand", undefined],
  [".", undefined],
])("%s is of unit %j", (path, unit) => {
  expect(unitOf(path)).toEqual(unit);
});
