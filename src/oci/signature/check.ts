/** Whether an image may be used by the policy. */
import type { Clock } from "../../base/clock.ts";
import { MinkeError } from "../../base/errors.ts";
import type { Repository } from "../registry/repository.ts";
import { type CosignSignature, fetchSignatures, readClaim } from "./cosign.ts";
import { isSignedFor } from "./identity.ts";
import { type Requirement, readPolicy, requirementsFor } from "./policy.ts";

export interface PolicyQuestion {
  readonly repository: Repository;
  /** In normal form. */
  readonly name: string;
  /**
   * What the name stands for: the manifest, and the index that it was chosen from. A signature of either will do, as the index
   * names the manifest by its digest.
   */
  readonly digests: readonly string[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Resolves when the policy in the file allows the image. Rejects with `FailedPrecondition`, reason `SignatureValidationFailed` (the CRI's
 * name for it), and as reading from the registry does. The file is read anew each time.
 */
export async function checkPolicy(path: string, question: PolicyQuestion): Promise<void> {
  const requirements = requirementsFor(await readPolicy(path), question.name);
  const known = new Map<string, readonly CosignSignature[]>();
  for (const requirement of requirements) {
    const why = await violation(requirement, question, known);
    if (why === undefined) continue;
    throw new MinkeError("FailedPrecondition", `Cannot use ${question.name}: ${why}; the policy is ${path}`, {
      reason: "SignatureValidationFailed",
      details: { image: question.name, policy: path },
    });
  }
}

/** Why the image does not fulfil a requirement; undefined when it does. */
async function violation(
  requirement: Requirement,
  { repository, name, digests, clock, signal }: PolicyQuestion,
  known: Map<string, readonly CosignSignature[]>,
): Promise<string | undefined> {
  if (requirement.type === "insecureAcceptAnything") return undefined;
  if (requirement.type === "reject") return "the policy rejects it";
  let why = "it has no signature";
  for (const digest of new Set(digests)) {
    const signatures = known.get(digest) ?? (await fetchSignatures(repository, digest, { clock, signal }));
    known.set(digest, signatures);
    for (const signature of signatures) {
      const claim = readClaim(signature, requirement.keys);
      if (!claim) why = "none of its signatures was made with the policy's key";
      else if (claim.digest !== digest) why = `a signature is of another image, ${claim.digest}`;
      else if (isSignedFor(requirement.identity, name, claim.reference)) return undefined;
      else why = `it was signed as ${claim.reference}, which ${requirement.identity.type} does not accept`;
    }
  }
  return why;
}
