import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";

import { AuthConfigSchema } from "../gen/runtime/v1/api_pb.ts";
import { registryAuth } from "./registry-auth.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");

test.each([
  [{}, undefined],
  [
    { username: "a", password: "b" },
    { username: "a", password: "b" },
  ],
  [{ auth: base64("a:b:c") }, { username: "a", password: "b:c" }],
  [{ auth: base64("a:b\0\0") }, { username: "a", password: "b" }],
  [{ identityToken: "t" }, { identityToken: "t" }],
  [{ registryToken: "t", username: "a" }, { registryToken: "t" }],
  [
    { username: "a", password: "b", serverAddress: "https://index.docker.io/v1/" },
    { username: "a", password: "b", place: "index.docker.io" },
  ],
])("%j", (init, expected) => {
  expect(registryAuth(create(AuthConfigSchema, init))).toEqual(expected);
});

test("what can not be read is refused without being quoted", () => {
  expect(() => registryAuth(create(AuthConfigSchema, { auth: base64("secret") }))).toThrow(/auth\.auth/);
  expect(() => registryAuth(create(AuthConfigSchema, { auth: base64("secret") }))).not.toThrow(/secret/);
});
