import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";

import {
  LinuxContainerSecurityContextSchema,
  SecurityProfile_ProfileType as ProfileType,
} from "../gen/runtime/v1/api_pb.ts";
import { apparmorOf, seccompOf } from "./security-profile.ts";

type Context = MessageInitShape<typeof LinuxContainerSecurityContextSchema>;
const context = (init: Context) => create(LinuxContainerSecurityContextSchema, init);
const localhost = (localhostRef: string) => ({ profileType: ProfileType.Localhost, localhostRef });

describe("seccomp", () => {
  test.each<[string, Context, unknown]>([
    ["nothing is unconfined", {}, { type: "unconfined" }],
    ["an empty message is the default", { seccomp: {} }, { type: "runtimeDefault" }],
    ["unconfined", { seccomp: { profileType: ProfileType.Unconfined } }, { type: "unconfined" }],
    ["a file", { seccomp: localhost("/p.json") }, { type: "localhost", path: "/p.json" }],
    ["the old text", { seccompProfilePath: "localhost//p.json" }, { type: "localhost", path: "/p.json" }],
    ["the old default", { seccompProfilePath: "runtime/default" }, { type: "runtimeDefault" }],
    ["the message wins over the text", { seccomp: {}, seccompProfilePath: "unconfined" }, { type: "runtimeDefault" }],
    ["privileged is never confined", { privileged: true, seccomp: localhost("/p.json") }, { type: "unconfined" }],
  ])("%s", (_name, init, expected) => {
    expect(seccompOf(context(init), "sc")).toEqual(expected);
  });

  test.each<[Context, RegExp]>([
    [{ seccomp: localhost("p.json") }, /sc\.seccomp\.localhost_ref "p.json": must be an absolute path/],
    [{ seccomp: localhost("") }, /sc\.seccomp\.localhost_ref/],
    [{ seccompProfilePath: "docker" }, /sc\.seccomp_profile_path "docker"/],
    [{ seccomp: { profileType: 9 as ProfileType } }, /sc\.seccomp\.profile_type 9: must be one of RuntimeDefault/],
  ])("%j is refused by field", (init, message) => {
    expect(() => seccompOf(context(init), "sc")).toThrow(message);
  });
});

describe("AppArmor", () => {
  test.each<[string, Context, string | undefined]>([
    ["nothing is nothing", {}, undefined],
    ["the default is none", { apparmor: {} }, undefined],
    ["unconfined", { apparmor: { profileType: ProfileType.Unconfined } }, "unconfined"],
    ["a name with the kubelet's prefix", { apparmor: localhost("localhost/own") }, "own"],
    ["the old text", { apparmorProfile: "localhost/own" }, "own"],
    ["the message wins over the text", { apparmor: localhost("new"), apparmorProfile: "localhost/old" }, "new"],
    ["privileged is never confined", { privileged: true, apparmor: localhost("own") }, undefined],
  ])("%s", (_name, init, expected) => {
    expect(apparmorOf(context(init), "sc")).toBe(expected);
  });
});
