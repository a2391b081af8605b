import { expect, test } from "vitest";

import { parseAbilities } from "./runtime-abilities.ts";

const features = (mountOptions: string[], namespaces: string[]): string => {
  return JSON.stringify({ mountOptions, linux: { namespaces } });
};

test.each([
  ["crun version 1.8.1\ncommit: f8a", "", "6.18.44-x", "crun 1.8.1", true, true],
  ["crun version 1.3\n", "", "6.1.0", "crun 1.3", false, true],
  ["crun version 1.8.1\n", "", "5.10.0-8-amd64", "crun 1.8.1", false, true],
  ["runc version 1.1.5+ds1\n", features(["ro", "rro"], ["user"]), "5.15.0", "runc 1.1.5+ds1", true, true],
  ["runc version 1.0.0\n", features(["ro"], ["net"]), "6.1.0", "runc 1.0.0", false, false],
  ["runsc version release-20221219.0\n", "", "6.1.0", "runsc release-20221219.0", false, false],
  ["", "", "6.1.0", "", false, false],
])("%j that tells %j, on %s", (version, told, kernel, name, recursiveReadonly, userNamespaces) => {
  expect(parseAbilities(version, told, kernel)).toEqual({ version: name, recursiveReadonly, userNamespaces });
});
