import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { loadNetworkConfig, parseNetworkConfig, versionAtLeast } from "./network-config.ts";

describe("parseNetworkConfig()", () => {
  test("a plain configuration is a list of one", () => {
    const config = parseNetworkConfig('{"cniVersion":"0.3.1","name":"n","type":"bridge","mtu":9}', "x");
    expect(config).toMatchObject({ name: "n", cniVersion: "0.3.1", disableCheck: false, disableGC: false });
    expect(config.plugins).toMatchObject([{ type: "bridge", mtu: 9 }]);
  });

  test("of several versions the newest that is known is taken", () => {
    const text =
      '{"cniVersion":"0.4.0","cniVersions":["1.0.0","9.0.0"],"name":"n","plugins":[{"type":"a"}],"disableGC":true}';
    expect(parseNetworkConfig(text, "x")).toMatchObject({ cniVersion: "1.0.0", disableGC: true });
  });

  test.each([
    ["{", /not JSON/],
    ["[]", /not a JSON object/],
    ['{"cniVersion":"1.0.0","name":"a/b","type":"x"}', /name "a\/b"/],
    ['{"cniVersion":"1.0.0","type":"x"}', /name/],
    ['{"cniVersion":"1.0.0","name":"n","plugins":[]}', /plugins/],
    ['{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"../sh"}]}', /plugins/],
    ['{"cniVersion":"0.1.0","name":"n","type":"x"}', /cniVersion is 0\.1\.0/],
    ['{"name":"n","type":"x"}', /cniVersion is missing/],
  ])("%s is refused", (text, message) => {
    expect(() => parseNetworkConfig(text, "/conf/10.conf")).toThrow(message);
    expect(() => parseNetworkConfig(text, "/conf/10.conf")).toThrow("/conf/10.conf");
  });
});

test("loadNetworkConfig() takes the lexically first file, and nothing from a directory without one", async () => {
  const directory = mkdtempSync(join(tmpdir(), "minke-cni-"));
  try {
    expect(await loadNetworkConfig(join(directory, "none"))).toBeUndefined();
    writeFileSync(join(directory, "00-readme.txt"), "");
    expect(await loadNetworkConfig(directory)).toBeUndefined();
    for (const name of ["20-b.conf", "10-a.conflist"]) {
      writeFileSync(join(directory, name), JSON.stringify({ cniVersion: "1.0.0", name, plugins: [{ type: "x" }] }));
    }
    expect((await loadNetworkConfig(directory))?.name).toBe("10-a.conflist");
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("versionAtLeast() compares by number", () => {
  expect([
    versionAtLeast("1.1.0", "1.1.0"),
    versionAtLeast("0.10.0", "0.9.9"),
    versionAtLeast("0.4.0", "1.0.0"),
  ]).toEqual([true, true, false]);
});
