import { expect, test } from "vitest";

import type { ContainerConfig } from "../runtime.ts";
import { commandOf } from "./spec.ts";

// Kubernetes: "Define a Command and Arguments for a Container".
test.each([
  [["e"], ["c"], [], [], ["e", "c"]],
  [["e"], ["c"], ["x"], [], ["x"]],
  [["e"], ["c"], [], ["y"], ["e", "y"]],
  [["e"], ["c"], ["x"], ["y"], ["x", "y"]],
  [[], ["c"], [], [], ["c"]],
])("entrypoint %j, cmd %j, command %j, args %j runs %j", (entrypoint, cmd, command, args, expected) => {
  expect(commandOf(config({ command, args }), image(entrypoint, cmd))).toEqual(expected);
});

test("nothing to run is refused", () => {
  expect(() => commandOf(config({ command: [], args: [] }), image([], []))).toThrow(/no command specified/);
});

function config(of: Pick<ContainerConfig, "command" | "args">): ContainerConfig {
  return { metadata: { name: "web", attempt: 0 }, image: "busybox", ...of } as ContainerConfig;
}

function image(entrypoint: readonly string[], cmd: readonly string[]) {
  return { config: { entrypoint, cmd, env: [], workingDir: "", user: "", exposedPorts: [], labels: {} } };
}
