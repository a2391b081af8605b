/**
 * Names of images. The grammar and Docker Hub's rules are those of the distribution project's reference package, which
 * every Kubernetes runtime follows: a first component with a dot, a colon or an upper-case letter, or `localhost`, is a
 * registry; anything else is a path on Docker Hub, where a single component lives below `library/`.
 */
import { MinkeError } from "../base/errors.ts";

/** A parsed reference. Without `registry` the text had none: a short name such as `nginx` or `team/app:1`. */
export interface Reference {
  readonly registry?: string;
  readonly path: string;
  readonly tag?: string;
  /** `sha256:…` */
  readonly digest?: string;
}

export const DOCKER_HUB = "docker.io";
/** Where images live that were made on this machine. No registry has this name. */
export const LOCAL_REGISTRY = "localhost";
export const DEFAULT_TAG = "latest";

/** Characters of registry and path together. */
const NAME_LENGTH_MAX = 255;
const REGISTRY =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::\d+)?$/;
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$|^sha512:[0-9a-f]{128}$/;
const HEX_ID = /^[0-9a-f]{64}$/;

/** Reads a reference. Throws `InvalidArgument` with reason `InvalidImageName`, naming the text and what is wrong in it. */
export function parseReference(text: string): Reference {
  const at = text.indexOf("@");
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const hasRegistry = first === LOCAL_REGISTRY || /[.:A-Z[]/.test(first);
  const path = hasRegistry ? name.slice(slash + 1) : name;

  if (text === "") throw invalid(text, "it is empty");
  if (digest !== undefined && !DIGEST.test(digest)) {
    throw invalid(text, `"${digest}" is no digest; write sha256: and 64 lower-case hexadecimal digits`);
  }
  if (tag !== undefined && !TAG.test(tag)) {
    throw invalid(text, `"${tag}" is no tag; write at most 128 letters, digits, "_", "." or "-"`);
  }
  if (hasRegistry && !REGISTRY.test(first)) throw invalid(text, `"${first}" is no registry; write HOST or HOST:PORT`);
  if (name.length > NAME_LENGTH_MAX) throw invalid(text, `its name is longer than ${NAME_LENGTH_MAX} characters`);
  if (HEX_ID.test(name)) throw invalid(text, "64 hexadecimal digits are an image's id and cannot be its name");
  if (!PATH.test(path)) {
    const why = /[A-Z]/.test(path) ? "repository names are lower-case" : `"${path}" is no repository name`;
    throw invalid(text, `${why}; write lower-case letters and digits, with ".", "_", "-" or "/" between them`);
  }
  const registry = first === "index.docker.io" ? DOCKER_HUB : first;
  return {
    ...(hasRegistry ? { registry } : {}),
    path,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** `registry/path`, by Docker Hub's rules for a short name: `nginx` is `docker.io/library/nginx`. */
export function repositoryOf(reference: Reference): string {
  const registry = reference.registry ?? DOCKER_HUB;
  const official = registry === DOCKER_HUB && !reference.path.includes("/");
  return `${registry}/${official ? `library/${reference.path}` : reference.path}`;
}

/**
 * The normal form: registry, path, and a digest, or else a tag (`latest` by default). With both, the tag is dropped, since
 * the digest alone says which image it is.
 */
export function normalize(reference: Reference): string {
  const repository = repositoryOf(reference);
  return reference.digest === undefined
    ? `${repository}:${reference.tag ?? DEFAULT_TAG}`
    : `${repository}@${reference.digest}`;
}

/** The normal forms to look for, in order: a short name means a local `localhost/NAME` first, then Docker Hub's. */
export function candidates(reference: Reference): readonly string[] {
  if (reference.registry !== undefined) return [normalize(reference)];
  return [normalize({ ...reference, registry: LOCAL_REGISTRY }), normalize(reference)];
}

/** The normal form of a name that is being given here (import, tag): a short one becomes `localhost/NAME`. No digest. */
export function normalizeNew(text: string): string {
  const reference = parseReference(text);
  if (reference.digest !== undefined) throw invalid(text, "a name that is given to an image cannot have a digest");
  return normalize({ ...reference, registry: reference.registry ?? LOCAL_REGISTRY });
}

/** The form that people and `docker` write: without `docker.io/library/`, and with the tag. */
export function familiar(normal: string): string {
  if (normal.startsWith(`${DOCKER_HUB}/library/`)) return normal.slice(DOCKER_HUB.length + "/library/".length);
  return normal.startsWith(`${DOCKER_HUB}/`) ? normal.slice(DOCKER_HUB.length + 1) : normal;
}

function invalid(text: string, why: string): MinkeError {
  return new MinkeError("InvalidArgument", `Cannot use image name "${text}": ${why}`, {
    reason: "InvalidImageName",
    details: { image: text },
  });
}
