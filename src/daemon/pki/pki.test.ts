import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { FakeClock } from "../../base/clock.ts";
import { openPki, type Pki } from "./pki.ts";
import { openServiceAccountKey } from "./service-account-key.ts";

const DAY_MS = 24 * 3600 * 1000;
const NAMES = ["localhost", "127.0.0.1", "::1", "node-a"];

let folder: string;
let clock: FakeClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "minke-pki-"));
  clock = new FakeClock();
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (): Promise<Pki> => openPki({ folder, instance: "test", clock });
const file = (name: string): string => readFileSync(join(folder, name), "utf8");

test("is made once, for root's eyes only, and read again after that", async () => {
  const first = await open();
  const server = await first.server(NAMES);
  const again = await open();
  expect(again.ca).toBe(first.ca);
  expect(await again.server(NAMES)).toEqual(server);
  for (const name of ["ca.crt", "ca.key", "server.crt", "server.key"]) {
    expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600);
  }
});

test("the server's certificate is good for its names, and no other", async () => {
  const pki = await open();
  const certificate = new X509Certificate((await pki.server(NAMES)).certificate);
  const ca = new X509Certificate(pki.ca);
  expect(certificate.checkIssued(ca) && certificate.verify(ca.publicKey)).toBe(true);
  expect(certificate.checkHost("node-a")).toBe("node-a");
  expect(certificate.checkIP("::1")).toBe("::1");
  expect(certificate.checkHost("evil.example")).toBeUndefined();
  expect(certificate.ca).toBe(false);
  const wider = await pki.server([...NAMES, "10.0.0.1"]);
  expect(new X509Certificate(wider.certificate).checkIP("10.0.0.1")).toBe("10.0.0.1");
});

test("a client's certificate carries user and groups, and nobody can smuggle another field into them", async () => {
  const pki = await open();
  const subject = { user: "ada, O=system:masters\nO=x", groups: ["readers", "a+b"] };
  const { certificate } = await pki.client(subject, DAY_MS);
  const parsed = new X509Certificate(certificate);
  expect({ ...parsed.toLegacyObject().subject }).toEqual({ O: subject.groups, CN: subject.user });
  expect(parsed.validToDate.getTime()).toBe(clock.now() + DAY_MS);
});

test("the server's certificate is renewed before it expires, also while the node runs", async () => {
  const pki = await open();
  const server = await pki.server(NAMES);
  const due = pki.renewal(server);
  expect(due - clock.now()).toBe(335 * DAY_MS);
  clock.advance(335 * DAY_MS - 1);
  expect(await pki.server(NAMES)).toEqual(server);
  clock.advance(1);
  const next = await pki.server(NAMES);
  expect(next).not.toEqual(server);
  expect(pki.renewal(next)).toBeGreaterThan(clock.now());
});

test("the CA is renewed with its own key: what it has signed stays good, and so does what it signs for who trusts the old", async () => {
  const old = await open();
  const client = new X509Certificate((await old.client({ user: "ada", groups: [] }, DAY_MS)).certificate);
  clock.advance(3650 * DAY_MS - 366 * DAY_MS);
  const renewed = await open();
  expect(renewed.ca).not.toBe(old.ca);
  const [before, after] = [new X509Certificate(old.ca), new X509Certificate(renewed.ca)];
  expect(client.checkIssued(after) && client.verify(after.publicKey)).toBe(true);
  const server = new X509Certificate((await renewed.server(NAMES)).certificate);
  expect(server.checkIssued(before) && server.verify(before.publicKey)).toBe(true);
});

test("a crash between key and certificate leaves nothing to repair", async () => {
  const first = await open();
  await first.server(NAMES);
  const { key } = await first.client({ user: "x", groups: [] }, DAY_MS);
  writeFileSync(join(folder, "server.key"), key);
  const server = await (await open()).server(NAMES);
  expect(new X509Certificate(server.certificate).verify(new X509Certificate(first.ca).publicKey)).toBe(true);
  expect(server.key).toBe(file("server.key"));
  rmSync(join(folder, "ca.crt"));
  const again = await open();
  expect(new X509Certificate(server.certificate).verify(new X509Certificate(again.ca).publicKey)).toBe(true);
});

test("damage is told with its path and the way out, and never mended by a new CA behind the user's back", async () => {
  await open();
  writeFileSync(join(folder, "ca.crt"), "rubbish");
  await expect(open()).rejects.toThrow(
    /Cannot use the certificate authority .*ca\.crt: .*kubeconfig has to be written again/,
  );
  expect(file("ca.crt")).toBe("rubbish");
  writeFileSync(join(folder, "sa.key"), "rubbish");
  await expect(openServiceAccountKey(folder)).rejects.toThrow(/Cannot use the service account key .*sa\.key/);
});

test("the service account key is the same after a restart", async () => {
  const [first, second] = [await openServiceAccountKey(folder), await openServiceAccountKey(folder)];
  expect(second.equals(first)).toBe(true);
  expect(statSync(join(folder, "sa.key")).mode & 0o777).toBe(0o600);
});
