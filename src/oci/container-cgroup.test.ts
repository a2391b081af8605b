import { expect, test } from "vitest";

import { cgroupAnnotations, containerCgroup } from "./container-cgroup.ts";

const placing = { driver: "systemd", prefix: "minke-two", crun: true } as const;
const POD = "minke_two.slice/minke_two-pod1.slice";

test.each([
  [{ ...placing, driver: "cgroupfs" } as const, "minke-two/pod1", "minke-two/pod1/abc", "/minke-two/pod1/abc"],
  [placing, POD, `${POD}/minke-two-abc.scope/container`, "minke_two-pod1.slice:minke-two:abc"],
  [{ ...placing, crun: false }, POD, `${POD}/minke-two-abc.scope`, "minke_two-pod1.slice:minke-two:abc"],
  [placing, ".", "minke-two-abc.scope/container", "-.slice:minke-two:abc"],
])("%j below %s is %s, which a spec calls %s", (how, parent, path, cgroupsPath) => {
  expect(containerCgroup(how, parent, "abc")).toEqual({ path, cgroupsPath });
});

test("the scope has what counts among siblings, and no limit of systemd's own", () => {
  expect(cgroupAnnotations({ driver: "cgroupfs" }, { cpuShares: 1024 })).toEqual({});
  expect(cgroupAnnotations(placing, { cpuShares: 1024, memoryBytes: 5, pids: 3 })).toEqual({
    "run.oci.systemd.subgroup": "container",
    "org.systemd.property.TasksMax": "uint64 18446744073709551615",
    "org.systemd.property.CPUWeight": "uint64 100",
  });
  expect(cgroupAnnotations({ ...placing, service: "minke.service" }, {})).toMatchObject({
    "org.systemd.property.Before": "['minke.service']",
  });
});
