/**
 * Makes X.509 certificates (RFC 5280), all with P-256 keys. The library takes 70 ms to load, so this file is only imported
 * when a certificate has to be made.
 */
// oxlint-disable-next-line import/no-unassigned-import -- it extends Reflect, which the library below expects
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { isIP } from "node:net";
import { webcrypto } from "node:crypto";

/** A certificate and its private key, both as PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Validity {
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const { KeyUsageFlags } = x509;

/** A CA that signs only leaves. With `key` it is renewed: what the old one signed is valid under the new one too. */
export async function makeCa(name: string, { notBefore, notAfter }: Validity, key?: string): Promise<KeyPair> {
  const keys = key === undefined ? await newKeys() : await keysOf(key);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [name] }],
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    signingAlgorithm: ECDSA,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return await pemOf(certificate, keys);
}

/** A server's certificate for these names and addresses. */
export async function makeServer(ca: KeyPair, names: readonly string[], validity: Validity): Promise<KeyPair> {
  const alternatives = names.map((value) => ({ type: isIP(value) ? ("ip" as const) : ("dns" as const), value }));
  return await makeLeaf(ca, [{ CN: ["kube-apiserver"] }], validity, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(alternatives),
  ]);
}

/** A client's certificate, as Kubernetes reads it: the common name is the user, each organisation is a group. */
export async function makeClient(
  ca: KeyPair,
  subject: { readonly user: string; readonly groups: readonly string[] },
  validity: Validity,
): Promise<KeyPair> {
  const name = [...subject.groups.map((group) => ({ O: [group] })), { CN: [subject.user] }];
  return await makeLeaf(ca, name, validity, [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]);
}

async function makeLeaf(
  ca: KeyPair,
  subject: x509.JsonName,
  { notBefore, notAfter }: Validity,
  extensions: readonly x509.Extension[],
): Promise<KeyPair> {
  const [keys, signer] = await Promise.all([newKeys(), keysOf(ca.key)]);
  const issuer = new x509.X509Certificate(ca.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject,
    issuer: issuer.subject,
    notBefore: new Date(notBefore),
    notAfter: new Date(Math.min(notAfter, issuer.notAfter.getTime())),
    signingAlgorithm: ECDSA,
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...extensions,
    ],
  });
  return await pemOf(certificate, keys);
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
}

/** The pair of a private key in PKCS #8; the public half comes from its JWK form. */
async function keysOf(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const { subtle } = webcrypto;
  const [der] = x509.PemConverter.decode(pem);
  const privateKey = await subtle.importKey("pkcs8", der!, ECDSA, true, ["sign"]);
  const { d: _secret, key_ops: _operations, ...open } = await subtle.exportKey("jwk", privateKey);
  return { privateKey, publicKey: await subtle.importKey("jwk", open, ECDSA, true, ["verify"]) };
}

async function pemOf(certificate: x509.X509Certificate, { privateKey }: webcrypto.CryptoKeyPair): Promise<KeyPair> {
  const key = await webcrypto.subtle.exportKey("pkcs8", privateKey);
  return { certificate: `${certificate.toString("pem")}\n`, key: `${x509.PemConverter.encode(key, "PRIVATE KEY")}\n` };
}

/** 126 random bits: positive, of one length, and never twice (RFC 5280 §4.1.2.2). */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}
