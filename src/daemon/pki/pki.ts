/**
 * The node's own certificate authority, in `<root>/pki`: made at the first start, renewed before it expires. Files are
 * written key first, each in one step, and what does not fit together is made anew, so a crash in between leaves nothing
 * to repair.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { join } from "node:path";

import type { Clock } from "../../base/clock.ts";
import { messageOf, MinkeError } from "../../base/errors.ts";
import { atomicWrite, ensureFolder, readIfExists } from "../../host/files.ts";
import type { KeyPair, Validity } from "./certificates.ts";

const DAY_MS = 24 * 3600 * 1000;
/** As kubeadm has them. */
const CA_LIFETIME_MS = 3650 * DAY_MS;
const LEAF_LIFETIME_MS = 365 * DAY_MS;
/** What is left of a certificate when it is renewed. The CA's is longer than what it signs lives. */
const CA_RENEW_MS = LEAF_LIFETIME_MS + DAY_MS;
const SERVER_RENEW_MS = 30 * DAY_MS;
/** Certificates begin this much in the past, for clients whose clock is behind. Kubernetes' signers do the same. */
const BACKDATE_MS = 5 * 60 * 1000;

export interface Pki {
  /** The CA's certificate as PEM: what a client has to trust. */
  readonly ca: string;
  /** The API server's certificate: the stored one while it is good for all these names and addresses, else a new one. */
  server(names: readonly string[]): Promise<KeyPair>;
  /** A new client certificate, which is stored nowhere. It ends no later than the CA. */
  client(subject: { readonly user: string; readonly groups: readonly string[] }, lifetimeMs: number): Promise<KeyPair>;
  /** When the server's certificate should be asked for again, in milliseconds since the epoch. */
  renewal(server: KeyPair): number;
}

export interface PkiOptions {
  /** Absolute; made when it is not there. */
  readonly folder: string;
  /** Stands in the CA's name, to tell several nodes apart. */
  readonly instance: string;
  readonly clock: Clock;
}

/** Reads the CA or makes it. Rejects with `FailedPrecondition` when a file can not be read as what it should be. */
export async function openPki({ folder, instance, clock }: PkiOptions): Promise<Pki> {
  await ensureFolder(folder);
  const ca = await openCa(folder, instance, clock);
  const issuer = new X509Certificate(ca.certificate);
  return {
    ca: ca.certificate,
    async server(names) {
      const stored = await readPair(folder, "server");
      if (stored && isGoodServer(stored, issuer, names, clock.now())) return stored;
      const { makeServer } = await import("./certificates.ts");
      return await writePair(folder, "server", await makeServer(ca, names, validity(clock, LEAF_LIFETIME_MS)));
    },
    async client(subject, lifetimeMs) {
      const { makeClient } = await import("./certificates.ts");
      return await makeClient(ca, subject, validity(clock, lifetimeMs));
    },
    renewal: ({ certificate }) => endOf(new X509Certificate(certificate)) - SERVER_RENEW_MS,
  };
}

async function openCa(folder: string, instance: string, clock: Clock): Promise<KeyPair> {
  const [certificate, key] = await Promise.all(["ca.crt", "ca.key"].map((name) => readIfExists(join(folder, name))));
  if (certificate !== undefined && key === undefined) throw unusable(join(folder, "ca.key"), "it is missing");
  if (certificate !== undefined && isGoodCa({ certificate, key: key! }, folder, clock.now())) {
    return { certificate, key: key! };
  }
  const { makeCa } = await import("./certificates.ts");
  const made = await makeCa(`minke-ca ${instance}`, validity(clock, CA_LIFETIME_MS), key);
  return await writePair(folder, "ca", made);
}

function isGoodCa({ certificate, key }: KeyPair, folder: string, now: number): boolean {
  const parsed = parsePair({ certificate, key }, folder, "ca");
  return parsed !== undefined && endOf(parsed) - CA_RENEW_MS > now;
}

/** The certificate, undefined when the key is another's; rejects what is no certificate or no key. */
function parsePair({ certificate, key }: KeyPair, folder: string, name: string): X509Certificate | undefined {
  try {
    const parsed = new X509Certificate(certificate);
    return parsed.checkPrivateKey(createPrivateKey(key)) ? parsed : undefined;
  } catch (error) {
    throw unusable(join(folder, `${name}.crt`), messageOf(error));
  }
}

function isGoodServer(pair: KeyPair, issuer: X509Certificate, names: readonly string[], now: number): boolean {
  try {
    const certificate = new X509Certificate(pair.certificate);
    const matches = (name: string): boolean =>
      (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
    return (
      certificate.checkPrivateKey(createPrivateKey(pair.key)) &&
      certificate.verify(issuer.publicKey) &&
      certificate.validFromDate.getTime() <= now &&
      endOf(certificate) - SERVER_RENEW_MS > now &&
      names.every(matches)
    );
  } catch {
    // A damaged one is made anew: nobody but us relies on it.
    return false;
  }
}

async function readPair(folder: string, name: string): Promise<KeyPair | undefined> {
  const [certificate, key] = await Promise.all(
    ["crt", "key"].map((suffix) => readIfExists(join(folder, `${name}.${suffix}`))),
  );
  return certificate === undefined || key === undefined ? undefined : { certificate, key };
}

async function writePair(folder: string, name: string, pair: KeyPair): Promise<KeyPair> {
  await atomicWrite(join(folder, `${name}.key`), pair.key, { durable: true });
  await atomicWrite(join(folder, `${name}.crt`), pair.certificate, { durable: true });
  return pair;
}

function validity(clock: Clock, lifetimeMs: number): Validity {
  return { notBefore: clock.now() - BACKDATE_MS, notAfter: clock.now() + lifetimeMs };
}

function endOf(certificate: X509Certificate): number {
  return certificate.validToDate.getTime();
}

function unusable(path: string, why: string): MinkeError {
  return new MinkeError(
    "FailedPrecondition",
    `Cannot use the certificate authority ${path}: ${why}; restore it, or remove its folder for a new one, after which every kubeconfig has to be written again`,
    { details: { path } },
  );
}
