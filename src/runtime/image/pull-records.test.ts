import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { noLog } from "../../base/logger.ts";
import type { CredentialVerification, RegistryAuth } from "../image.ts";
import { PullRecords } from "./pull-records.ts";

const REPOSITORY = "registry.test/team/app";
const ID = "sha256:1";

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), "minke-records-"))));
afterEach(async () => await rm(folder, { recursive: true }));

const open = async (verification: CredentialVerification = { policy: "NeverVerifyPreloadedImages" }) =>
  await PullRecords.open(join(folder, "pulled.json"), verification, noLog);
const secret = (name: string, password: string, namespace = "a"): RegistryAuth => ({
  username: "u",
  password,
  secret: { uid: `${namespace}-${name}`, namespace, name },
});
const always = (): boolean => true;

describe("an image that a Pod's Secret has pulled", () => {
  test("is for Pods with that credential, under any name, also after a restart", async () => {
    await (await open()).note(ID, REPOSITORY, secret("s", "1"), always);
    const records = await open();
    expect(await records.allows(ID, REPOSITORY, [secret("s", "1")])).toBe(true);
    expect(await records.allows(ID, REPOSITORY, [])).toBe(false);
    expect(await records.allows(ID, REPOSITORY, [secret("s", "2", "b")])).toBe(false);
    expect(await records.allows(ID, "registry.test/other", [secret("s", "1")])).toBe(false);
    expect(await records.allows(ID, REPOSITORY, [secret("copy", "1", "b")])).toBe(true);
    // The kubelet takes the same Secret with a new password at its word, and remembers what it holds now.
    expect(await records.allows(ID, REPOSITORY, [secret("s", "2")])).toBe(true);
    expect(await records.allows(ID, REPOSITORY, [secret("third", "2", "c")])).toBe(true);
    expect(await records.allows("sha256:2", REPOSITORY, [])).toBe(true);
  });

  test("is for everyone once it was pulled without, and a record goes with its image", async () => {
    const records = await open();
    await records.note(ID, REPOSITORY, secret("s", "1"), always);
    await records.note(ID, REPOSITORY, undefined, always);
    expect(await records.allows(ID, REPOSITORY, [])).toBe(true);
    await records.note(ID, REPOSITORY, secret("s", "1"), always);
    expect(await records.allows(ID, REPOSITORY, [])).toBe(true);
    await records.note("sha256:2", REPOSITORY, secret("s", "1"), (id) => id !== ID);
    expect(await (await open({ policy: "AlwaysVerify" })).allows(ID, REPOSITORY, [])).toBe(false);
  });
});

test.each<[CredentialVerification, preloaded: boolean, pulled: boolean]>([
  [{ policy: "NeverVerify" }, true, true],
  [{ policy: "NeverVerifyPreloadedImages" }, true, false],
  [{ policy: "NeverVerifyAllowlistedImages", allowlist: [REPOSITORY] }, true, false],
  [{ policy: "NeverVerifyAllowlistedImages", allowlist: ["registry.test/*"] }, true, false],
  [{ policy: "NeverVerifyAllowlistedImages", allowlist: ["registry.test/te"] }, false, false],
  [{ policy: "AlwaysVerify" }, false, false],
])("%j", async (verification, preloaded, pulled) => {
  const records = await open(verification);
  await records.note(ID, REPOSITORY, secret("s", "1"), always);
  expect([await records.allows("sha256:2", REPOSITORY, []), await records.allows(ID, REPOSITORY, [])]).toEqual([
    preloaded,
    pulled,
  ]);
});

test("what can not be read counts as empty, and what is not understood is open to nobody", async () => {
  await writeFile(join(folder, "pulled.json"), "{");
  expect(await (await open()).allows(ID, REPOSITORY, [])).toBe(true);
  await writeFile(join(folder, "pulled.json"), JSON.stringify({ images: { [ID]: { [REPOSITORY]: 1 } } }));
  expect(await (await open()).allows(ID, REPOSITORY, [])).toBe(false);
});
