import { expect, test } from "vitest";

import { tabbed } from "./tabbed.ts";

test("a column is a run of lines that have it; each run has its own width", () => {
  expect(tabbed("Name:\tweb\nNamespace:\tdefault\nLabels:\n  a:\tb\nIP:\tx")).toBe(
    "Name:       web\nNamespace:  default\nLabels:\n  a:  b\nIP:   x",
  );
});

test("inner columns are laid out within the outer ones", () => {
  expect(tabbed("T\tReason\tAge\nNormal\tA\t1s\n\nx\ty")).toBe("T       Reason  Age\nNormal  A       1s\n\nx  y");
});
