import { describe, expect, test } from "vitest";

import type { MinkeError } from "../base/errors.ts";
import { candidates, familiar, normalize, normalizeNew, parseReference } from "./reference.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

describe("normalize()", () => {
  test.each([
    ["nginx", "docker.io/library/nginx:latest"],
    ["nginx:1.27", "docker.io/library/nginx:1.27"],
    ["team/app", "docker.io/team/app:latest"],
    ["docker.io/nginx", "docker.io/library/nginx:latest"],
    ["index.docker.io/nginx:1", "docker.io/library/nginx:1"],
    ["localhost/ghost", "localhost/ghost:latest"],
    ["localhost:5000/a/b_c", "localhost:5000/a/b_c:latest"],
    ["registry.example:5000/x__y/z--1.2:T_a-g", "registry.example:5000/x__y/z--1.2:T_a-g"],
    ["Registry/x", "Registry/x:latest"],
    ["[::1]:5000/x", "[::1]:5000/x:latest"],
    [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
    [`a.b/c:tag@${DIGEST}`, `a.b/c@${DIGEST}`],
  ])("%s is %s", (text, normal) => {
    expect(normalize(parseReference(text))).toBe(normal);
  });
});

describe("parseReference()", () => {
  test.each([
    ["", "empty"],
    ["Nginx", "lower-case"],
    ["nginx:", "no tag"],
    ["nginx:a b", "no tag"],
    [`nginx:${"t".repeat(129)}`, "no tag"],
    ["nginx@sha256:abc", "no digest"],
    ["nginx@", "no digest"],
    ["/nginx", "no repository name"],
    ["a//b", "no repository name"],
    ["a/../b", "no repository name"],
    ["-a", "no repository name"],
    ["a.b:x/y", "no registry"],
    ["http://a.b/c", "no registry"],
    ["a.b/", "no repository name"],
    ["a".repeat(64), "an image's id"],
    [`a.b/${"c".repeat(252)}`, "longer than 255"],
  ])("refuses %j: %s", (text, why) => {
    expect(() => parseReference(text)).toThrow(why);
    try {
      parseReference(text);
    } catch (error) {
      expect((error as MinkeError).reason).toBe("InvalidImageName");
    }
  });
});

test("candidates() looks for a short name on this machine first", () => {
  expect(candidates(parseReference("ghost:5"))).toEqual(["localhost/ghost:5", "docker.io/library/ghost:5"]);
  expect(candidates(parseReference("docker.io/ghost"))).toEqual(["docker.io/library/ghost:latest"]);
});

test("normalizeNew() puts a short name below localhost, and takes no digest", () => {
  expect(normalizeNew("ghost")).toBe("localhost/ghost:latest");
  expect(normalizeNew("docker.io/ghost:1")).toBe("docker.io/library/ghost:1");
  expect(() => normalizeNew(`ghost@${DIGEST}`)).toThrow("cannot have a digest");
});

test("familiar() drops what Docker does not show", () => {
  expect(familiar("docker.io/library/nginx:1")).toBe("nginx:1");
  expect(familiar("docker.io/team/app:1")).toBe("team/app:1");
  expect(familiar("localhost/ghost:1")).toBe("localhost/ghost:1");
});
