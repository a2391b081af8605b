import { expect, test } from "vitest";

import { commandFailureExit, createCrun, crunMessage } from "./crun.ts";
import type { Command, Completed, Host } from "../host/host.ts";

/** A crun that always ends in one way; tells the arguments it got. */
function crunThat(done: Partial<Completed>) {
  const calls: Command[] = [];
  const run = async (command: Command): Promise<Completed> => {
    calls.push(command);
    return { code: 0, stdout: "", stderr: "", ...done };
  };
  const host = { process: { run } } as unknown as Host;
  return {
    crun: createCrun({
      host,
      root: "/state/crun",
      binary: "/usr/bin/crun",
      cgroupDriver: "cgroupfs",
      scopePrefix: "minke",
    }),
    calls,
  };
}

const GONE = {
  code: 1,
  stderr: "2026-11-23T12:00:00.1Z: error opening file `/state/crun/x/status`: No such file or directory\n",
};

test.each([
  ["2026-11-23T13:43:55.235626Z: executable file `x` not found in $PATH\n", "executable file `x` not found in $PATH"],
  ["one\n\ntwo\n", "one; two"],
  [
    String.raw`time="2026-11-25T11:09:55Z" level=error msg="runc create failed: unable to start container process: exec: \"x\": stat x: no such file or directory"`,
    'exec: "x": stat x: no such file or directory',
  ],
  ['time="2026" level=error msg="exec failed: no \\\\ here"', "no \\ here"],
  ["", "no reason given"],
])("of %j it says %j", (stderr, message) => {
  expect(crunMessage(stderr)).toBe(message);
});

test.each([
  ["executable file `x` not found in $PATH: No such file or directory", 127],
  ["executable file `/x` not found: No such file or directory", 127],
  ["open executable: Permission denied", 126],
  ['exec: "x": executable file not found in $PATH', 127],
  ['exec: "/x": stat /x: no such file or directory', 127],
  ['exec: "/x": permission denied', 126],
  ["the path `/x` exists but it is not executable: Operation not permitted", 126],
  ["mount `/x` to `/y`: No such file or directory", undefined],
])("%s stands for %s", (why, code) => {
  expect(commandFailureExit(why)).toBe(code);
});

test("keeps its state below its own root", async () => {
  const { crun, calls } = crunThat({});
  await crun.start("x");
  const manager = ["--cgroup-manager", "cgroupfs"];
  expect(calls[0]!.argv).toEqual(["/usr/bin/crun", "--root", "/state/crun", ...manager, "start", "x"]);
});

test("what is gone can be killed, deleted and asked for", async () => {
  const { crun } = crunThat(GONE);
  await crun.kill("x", "TERM");
  await crun.delete("x", { force: true });
  expect(await crun.state("x")).toBeUndefined();
  await expect(crun.start("x")).rejects.toMatchObject({ message: expect.stringContaining("Cannot start container x") });
});

test("reads the state", async () => {
  const { crun } = crunThat({ stdout: '{"status":"created","pid":42}' });
  expect(await crun.state("x")).toEqual({ status: "created", pid: 42 });
  await expect(crunThat({ stdout: "?" }).crun.state("x")).rejects.toThrow("Cannot read the state");
});
