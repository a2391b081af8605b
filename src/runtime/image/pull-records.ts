/**
 * Which images were pulled for Pods, and with which credentials: a private image that is here for one Pod is not here for
 * another that could not have pulled it. The kubelet's rules (KEP-2535; pkg/kubelet/images/pullmanager): a record is about an image
 * id and a repository; a Secret counts by its content, and by its name also when its content has changed since. What has no
 * record was brought by someone else: a person, an archive.
 *
 * Kept in one file, of digests, not of passwords. A record is written before its image gets its name, so that no crash leaves an
 * image that looks as if it was nobody's.
 */
import { createHash } from "node:crypto";

import type { SecretName } from "../../base/docker-auths.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { atomicWrite, readIfExists } from "../../host/files.ts";
import { asObject, readObject, textOf } from "../../oci/image-format.ts";
import type { CredentialVerification, RegistryAuth } from "../image.ts";

/** Secrets that one record has at most; the kubelet's writeRecordWhileMatchingLimit. */
const SECRETS_MAX = 100;

interface KnownSecret extends SecretName {
  /** Of the credential that it held. */
  readonly digest: string;
}

/** Who may use an image as one of a repository's: every Pod of this node, or those that bring one of these Secrets. */
type Access = "everyone" | readonly KnownSecret[];

export class PullRecords {
  readonly #path: string;
  readonly #verification: CredentialVerification;
  /** Image id → repository → access. */
  readonly #records: Map<string, Map<string, Access>>;

  private constructor(path: string, verification: CredentialVerification, records: Map<string, Map<string, Access>>) {
    this.#path = path;
    this.#verification = verification;
    this.#records = records;
  }

  /** Reads the file. One that can not be read counts as empty, with a warning. */
  static async open(path: string, verification: CredentialVerification, log: Logger): Promise<PullRecords> {
    const text = await readIfExists(path);
    try {
      return new PullRecords(path, verification, text === undefined ? new Map() : parse(text, path));
    } catch (error) {
      log.warn(
        { file: path, error: messageOf(error) },
        "The records of pulled images can not be read; the images count as preloaded",
      );
      return new PullRecords(path, verification, new Map());
    }
  }

  /**
   * Notes that an image was pulled for a Pod, by a Secret of the Pod's or without one. Records of images that `exists` does not
   * know go.
   */
  async note(
    id: string,
    repository: string,
    auth: RegistryAuth | undefined,
    exists: (id: string) => boolean,
  ): Promise<void> {
    const own = this.#records.get(id) ?? new Map<string, Access>();
    const before = own.get(repository);
    const access = auth?.secret ? withSecret(before, auth, auth.secret) : "everyone";
    if (access === before) return;
    for (const known of this.#records.keys()) if (known !== id && !exists(known)) this.#records.delete(known);
    this.#records.set(id, own.set(repository, access));
    await this.#write();
  }

  /** Whether a Pod with these credentials may use an image that is here without asking the registry. */
  async allows(id: string, repository: string, auths: readonly RegistryAuth[]): Promise<boolean> {
    const own = this.#records.get(id);
    if (!this.#isVerified(repository, own !== undefined)) return true;
    const access = own?.get(repository);
    if (!own || access === undefined) return false;
    if (access === "everyone") return true;
    for (const auth of auths) {
      if (!auth.secret || !access.some((known) => isSame(known, auth.secret!) || known.digest === digestOf(auth)))
        continue;
      const now = withSecret(access, auth, auth.secret);
      if (now !== access) {
        own.set(repository, now);
        await this.#write();
      }
      return true;
    }
    return false;
  }

  #isVerified(repository: string, isTracked: boolean): boolean {
    const { policy, allowlist = [] } = this.#verification;
    if (policy === "NeverVerify") return false;
    if (policy === "AlwaysVerify" || isTracked) return true;
    return policy === "NeverVerifyAllowlistedImages" && !allowlist.some((entry) => isListed(repository, entry));
  }

  async #write(): Promise<void> {
    const images = Object.fromEntries([...this.#records].map(([id, own]) => [id, Object.fromEntries(own)]));
    await atomicWrite(this.#path, JSON.stringify({ version: 1, images }), { mode: 0o600, durable: true });
  }
}

/** `repository`, or `prefix/*` for all below it (the kubelet's preloadedImagesVerificationAllowlist). */
function isListed(repository: string, entry: string): boolean {
  return entry.endsWith("/*") ? repository.startsWith(entry.slice(0, -1)) : repository === entry;
}

/** The same access when there is nothing new in it. */
function withSecret(before: Access | undefined, auth: RegistryAuth, { uid, namespace, name }: SecretName): Access {
  if (before === "everyone") return before;
  const digest = digestOf(auth);
  const known = before ?? [];
  const old = known.find((one) => isSame(one, { uid, namespace, name }));
  if (old?.digest === digest || (before && !old && known.length >= SECRETS_MAX)) return known;
  return [...known.filter((one) => one !== old), { uid, namespace, name, digest }];
}

function isSame(one: SecretName, other: SecretName): boolean {
  return one.uid === other.uid && one.namespace === other.namespace && one.name === other.name;
}

function digestOf({ username, password, identityToken, registryToken }: RegistryAuth): string {
  const credential = JSON.stringify([username, password, identityToken, registryToken]);
  return createHash("sha256").update(credential).digest("hex");
}

function parse(text: string, path: string): Map<string, Map<string, Access>> {
  const images = asObject(readObject(text, path)["images"]) ?? {};
  return new Map(
    Object.entries(images).map(([id, own]) => {
      const access = Object.entries(asObject(own) ?? {}).map(
        ([repository, value]) => [repository, accessOf(value)] as const,
      );
      return [id, new Map(access)];
    }),
  );
}

/** What is not understood is open to nobody. */
function accessOf(value: unknown): Access {
  if (value === "everyone") return value;
  return (Array.isArray(value) ? value : []).map((one) => {
    const { uid, namespace, name, digest } = asObject(one) ?? {};
    return { uid: textOf(uid), namespace: textOf(namespace), name: textOf(name), digest: textOf(digest) };
  });
}
