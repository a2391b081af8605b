import { expect, test } from "vitest";

import { parseAbilities } from "./runtime-abilities.ts";

const features = (...mountOptions: string[]): string => JSON.stringify({ mountOptions });

test.each([
  ["crun version 1.8.1\ncommit: f8a", "", "6.18.44-x", "crun 1.8.1", true],
  ["crun version 1.3\n", "", "6.1.0", "crun 1.3", false],
  ["crun version 1.8.1\n", "", "5.10.0-8-amd64", "crun 1.8.1", false],
  ["runc version 1.1.5+ds1\n", features("ro", "rro"), "5.15.0", "runc 1.1.5+ds1", true],
  ["runc version 1.0.0\n", features("ro"), "6.1.0", "runc 1.0.0", false],
  ["runc version 1.0.0\n", "", "6.1.0", "runc 1.0.0", false],
  ["", "", "6.1.0", "", false],
])("%j that tells %j, on %s", (version, told, kernel, name, recursiveReadonly) => {
  expect(parseAbilities(version, told, kernel)).toEqual({ version: name, recursiveReadonly });
});
