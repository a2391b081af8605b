import { describe, expect, test } from "vitest";

import { authsFor, readDockerAuths } from "./docker-auths.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("readDockerAuths()", () => {
  test("reads every form of an entry", () => {
    const auths = {
      "https://index.docker.io/v1/": { auth: base64("a:b:c") },
      "https://x.example/v2/team/": { username: "u", password: "p" },
      "y.example:5000": { auth: base64("u:p"), identitytoken: "T" },
      "z.example": { auth: base64("<token>:T") },
      "kept-by-a-helper.example": {},
    };
    const expected = [
      { place: "index.docker.io", auth: { username: "a", password: "b:c" } },
      { place: "x.example/team", auth: { username: "u", password: "p" } },
      { place: "y.example:5000", auth: { username: "u", password: "p", identityToken: "T" } },
      { place: "z.example", auth: { identityToken: "T" } },
    ];
    expect(readDockerAuths(JSON.stringify({ auths, credsStore: "x" }), "f")).toEqual(expected);
    expect(readDockerAuths(JSON.stringify(auths), "f", { bare: true })).toEqual(expected);
    expect(readDockerAuths("{}", "f")).toEqual([]);
  });

  test.each(['{"auths": {"x": {"auth": "c2VjcmV0"}}}', "secret", '{"auths": ["secret"]}', '["secret"]'])(
    "refuses %j without quoting it",
    (text) => {
      expect(() => readDockerAuths(text, "the file")).toThrow(
        expect.objectContaining({ code: "InvalidArgument", message: expect.not.stringContaining("secret") }),
      );
    },
  );
});

describe("authsFor()", () => {
  const places = [
    "*.example",
    "a.example",
    "a.example/team",
    "a.example:5000",
    "index.docker.io",
    "*.dkr.ecr.*.amazonaws.com",
  ];
  const entries = places.map((place) => ({ place, auth: { username: place } }));

  test.each([
    ["a.example/team/app", ["a.example/team", "a.example", "*.example"]],
    ["a.example/other", ["a.example", "*.example"]],
    ["b.example/team", ["*.example"]],
    ["a.b.example/x", []],
    ["a.example:5000/x", ["a.example:5000"]],
    ["b.example:5000/x", []],
    ["docker.io/library/nginx", ["index.docker.io"]],
    ["1234.dkr.ecr.eu-west-1.amazonaws.com/x", ["*.dkr.ecr.*.amazonaws.com"]],
    ["aXexample/x", []],
  ])("%s", (repository, expected) => {
    expect(authsFor(entries, repository).map(({ username }) => username)).toEqual(expected);
  });

  test("knows Docker Hub by both names", () => {
    expect(authsFor([{ place: "docker.io", auth: { username: "u" } }], "docker.io/team/app")).toHaveLength(1);
    expect(authsFor([{ place: "docker.io/other", auth: { username: "u" } }], "docker.io/team/app")).toEqual([]);
  });
});
