import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, expect, test } from "vitest";

import { requestedDevices } from "./host-devices.ts";

const folder = mkdtempSync(join(tmpdir(), "minke-devices-"));
afterAll(() => rmSync(folder, { recursive: true }));

const rule = { allow: true, type: "c", major: 1, minor: 3 };

test("a device by its path, by a link, under another name", async () => {
  symlinkSync("/dev/null", join(folder, "link"));
  const asked = await requestedDevices([
    { hostPath: "/dev/null", containerPath: "", permissions: "" },
    { hostPath: join(folder, "link"), containerPath: "/dev/nothing", permissions: "r" },
  ]);
  expect(asked.nodes).toMatchObject([
    { path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 0o666 },
    { path: "/dev/nothing", type: "c", major: 1, minor: 3 },
  ]);
  expect(asked.rules).toEqual([
    { ...rule, access: "rwm" },
    { ...rule, access: "r" },
  ]);
});

test("a directory stands for the devices in it", async () => {
  const { nodes, rules } = await requestedDevices([{ hostPath: "/dev", containerPath: "/dev/all", permissions: "rw" }]);
  expect(nodes.map(({ path }) => path)).toContain("/dev/all/null");
  expect(rules).toHaveLength(nodes.length);
});

test.each([
  ["/etc/passwd", "rw", "it is not a device"],
  ["/dev/no-such-device", "rw", "ENOENT"],
  ["/dev/null", "x", 'its permissions are "x"'],
])("%s with %s is refused: %s", async (hostPath, permissions, why) => {
  const asking = requestedDevices([{ hostPath, containerPath: "", permissions }]);
  await expect(asking).rejects.toMatchObject({ code: "InvalidArgument", message: expect.stringContaining(why) });
});
