/**
 * Signatures as cosign keeps them beside an image: the tag `sha256-<hex>.sig` names a manifest whose layers are payloads (“simple
 * signing”, JSON), each with its signature in an annotation.
 * Sources: sigstore/cosign specs/SIGNATURE_SPEC.md; containers/image docs/signature-protocols.md.
 */
import { type KeyObject, verify } from "node:crypto";

import type { Clock } from "../../base/clock.ts";
import { MinkeError, isMinkeError } from "../../base/errors.ts";
import { type Descriptor, asObject, digestOf, hexOf, readManifest, readObject } from "../image-format.ts";
import { readRemoteBlob } from "../registry/blob.ts";
import type { Repository } from "../registry/repository.ts";

const PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE_ANNOTATION = "dev.cosignproject.cosign/signature";
/** Signatures of one image that are looked at. */
const SIGNATURES_MAX = 100;
/** Bytes of one payload; real ones have some hundred. */
const PAYLOAD_BYTES_MAX = 64 * 1024;

export interface CosignSignature {
  readonly payload: Buffer;
  readonly signature: Buffer;
}

/** What a payload, whose signature holds, says. */
export interface SignedClaim {
  /** The manifest that was signed. */
  readonly digest: string;
  /** The name for which it was signed; from cosign without a tag. */
  readonly reference: string;
}

/** The signatures that the registry has for a manifest; none when it has no such tag. */
export async function fetchSignatures(
  repository: Repository,
  digest: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<readonly CosignSignature[]> {
  const tag = `sha256-${hexOf(digest)}.sig`;
  const what = `signatures ${repository.name}:${tag}`;
  let layers: readonly Descriptor[];
  try {
    layers = readManifest((await repository.document(tag, signal)).data.toString("utf8"), what).layers;
  } catch (error) {
    if (isMinkeError(error, "NotFound")) return [];
    throw error;
  }
  const signatures: CosignSignature[] = [];
  for (const descriptor of layers.slice(0, SIGNATURES_MAX)) {
    const text = descriptor.annotations?.[SIGNATURE_ANNOTATION];
    if (descriptor.mediaType !== PAYLOAD_TYPE || text === undefined || descriptor.size > PAYLOAD_BYTES_MAX) continue;
    const payload = Buffer.concat(await Array.fromAsync(readRemoteBlob({ repository, descriptor, clock, signal })));
    if (digestOf(payload) === descriptor.digest) signatures.push({ payload, signature: Buffer.from(text, "base64") });
  }
  return signatures;
}

/** What the payload says, once one of the keys is found to have signed it; undefined when none has. */
export function readClaim(
  { payload, signature }: CosignSignature,
  keys: readonly KeyObject[],
): SignedClaim | undefined {
  if (!keys.some((key) => verify(hashOf(key), payload, key, signature))) return undefined;
  const what = "a signature's payload";
  const critical = asObject(readObject(payload.toString("utf8"), what)["critical"]);
  const digest = asObject(critical?.["image"])?.["docker-manifest-digest"];
  const reference = asObject(critical?.["identity"])?.["docker-reference"];
  if (critical?.["type"] !== "cosign container image signature") return undefined;
  if (typeof digest !== "string" || typeof reference !== "string") {
    throw new MinkeError("InvalidArgument", `Cannot read ${what}: it names no manifest or no reference`);
  }
  return { digest, reference };
}

/** Ed25519 hashes for itself; ECDSA and RSA are used with SHA-256 by cosign. */
function hashOf(key: KeyObject): string | null {
  return key.asymmetricKeyType === "ed25519" ? null : "sha256";
}
