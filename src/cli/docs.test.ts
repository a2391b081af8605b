import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { describe, expect, test } from "vitest";

import { cliReference } from "./docs.ts";
import { VERBS } from "./verbs.ts";

describe("docs/cli.md", () => {
  test("is what the command table says (else: node tools/generate-cli-docs.ts)", async () => {
    expect(readFileSync(resolve(import.meta.dirname, "../../docs/cli.md"), "utf8")).toBe(await cliReference());
  });

  test("every verb has an example, and every example calls its verb", async () => {
    for (const [name, verb] of Object.entries(VERBS)) {
      const { examples } = await verb.load();
      expect(examples.length, name).toBeGreaterThan(0);
      for (const [, line] of examples) expect(line).toContain(`minke ${name}`);
    }
  });
});
