/** Which name a signature must have been made for: `signedIdentity` of containers-policy.json(5). Pure. */
import { asObject } from "../image-format.ts";
import { normalize, parseReference, repositoryOf } from "../reference.ts";

export type Identity =
  | { readonly type: "matchExact" | "matchRepoDigestOrExact" | "matchRepository" }
  | { readonly type: "exactReference"; readonly dockerReference: string }
  | { readonly type: "exactRepository"; readonly dockerRepository: string }
  | { readonly type: "remapIdentity"; readonly prefix: string; readonly signedPrefix: string };

const FIELDS: Readonly<Record<Identity["type"], readonly string[]>> = {
  matchExact: [],
  matchRepoDigestOrExact: [],
  matchRepository: [],
  exactReference: ["dockerReference"],
  exactRepository: ["dockerRepository"],
  remapIdentity: ["prefix", "signedPrefix"],
};

/** Throws for what is not understood. */
export function readIdentity(value: unknown, scope: string): Identity {
  if (value === undefined) return { type: "matchRepoDigestOrExact" };
  const identity = asObject(value) ?? {};
  const fields = Object.entries(FIELDS).find(([type]) => type === identity["type"])?.[1];
  if (!fields) throw new Error(`"${scope}" has a signedIdentity of type ${JSON.stringify(identity["type"])}`);
  const wrong = Object.keys(identity).find((key) => key !== "type" && !fields.includes(key));
  const missing = fields.find((key) => typeof identity[key] !== "string");
  if (wrong !== undefined || missing !== undefined) {
    throw new Error(`"${scope}" has a signedIdentity whose field "${wrong ?? missing}" is wrong`);
  }
  return identity as unknown as Identity;
}

/** Whether a signature for `signed`, as its payload has it, is one for `name`, which is in normal form. */
export function isSignedFor(identity: Identity, name: string, signed: string): boolean {
  switch (identity.type) {
    case "matchExact":
      return !name.includes("@") && isSame(name, signed);
    case "matchRepoDigestOrExact":
      return name.includes("@") ? isSameRepository(name, signed) : isSame(name, signed);
    case "matchRepository":
      return isSameRepository(name, signed);
    case "exactReference":
      return isSame(identity.dockerReference, signed);
    case "exactRepository":
      return isSameRepository(identity.dockerRepository, signed);
    default:
      return isSignedFor({ type: "matchRepoDigestOrExact" }, remapped(identity, name), signed);
  }
}

/** A name outside of the prefix stays. */
function remapped({ prefix, signedPrefix }: { prefix: string; signedPrefix: string }, name: string): string {
  const rest = name.slice(prefix.length);
  return name.startsWith(prefix) && (rest === "" || /^[/:@]/.test(rest)) ? signedPrefix + rest : name;
}

/** A name without a tag is not one with the tag `latest` here. */
function isSame(one: string, other: string): boolean {
  const [a, b] = [parsed(one), parsed(other)];
  if (!a || !b || (a.tag === undefined && a.digest === undefined) !== (b.tag === undefined && b.digest === undefined)) {
    return false;
  }
  return normalize(a) === normalize(b);
}

function isSameRepository(one: string, other: string): boolean {
  const [a, b] = [parsed(one), parsed(other)];
  return a !== undefined && b !== undefined && repositoryOf(a) === repositoryOf(b);
}

function parsed(text: string): ReturnType<typeof parseReference> | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}
