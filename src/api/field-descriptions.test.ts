import { expect, test } from "vitest";

import { FIELD_DESCRIPTIONS } from "./field-descriptions.ts";
import { SCHEMA } from "./gen/schema.ts";

test("describes fields that exist, and every field of the definitions that a Pod is written and read by", () => {
  for (const [definition, fields] of Object.entries(FIELD_DESCRIPTIONS)) {
    const known = Object.keys(SCHEMA[definition]?.fields ?? {});
    for (const [name, text] of Object.entries(fields)) {
      expect(["", ...known], `${definition}.${name}`).toContain(name);
      expect(text, `${definition}.${name}`).toMatch(/^\S.*\.$/);
    }
    // Foreign volume types are refused and stay without words.
    if (definition === "core.v1.Volume") continue;
    expect(
      Object.keys(fields)
        .filter((name) => name !== "")
        .toSorted(),
      definition,
    ).toEqual(known.toSorted());
  }
});

test("each text stands at most with its twins", () => {
  for (const name of [
    "core.v1.PodSpec",
    "core.v1.Container",
    "core.v1.PodStatus",
    "core.v1.Probe",
    "core.v1.VolumeMount",
  ]) {
    const texts = Object.values(FIELD_DESCRIPTIONS[name]!);
    expect(new Set(texts).size, name).toBe(texts.length);
  }
});
