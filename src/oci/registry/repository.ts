/** A repository in a registry, read through the hosts that serve it: the OCI distribution specification's pull half. */
import type { DockerAuth } from "../../base/docker-auths.ts";
import { MinkeError, isMinkeError, messageOf } from "../../base/errors.ts";
import { DOCUMENT_BYTES_MAX, MEDIA_TYPES, digestOf, isDigest } from "../image-format.ts";
import { readBody, refusal } from "./answer.ts";
import type { Capability } from "./hosts.ts";
import type { Source } from "./source.ts";

/** A manifest or index as the registry has it. */
export interface RemoteDocument {
  /** What the answer says it is; empty when it does not. */
  readonly mediaType: string;
  readonly digest: string;
  readonly data: Buffer;
}

const ACCEPT = [MEDIA_TYPES.index, MEDIA_TYPES.manifest, MEDIA_TYPES.dockerList, MEDIA_TYPES.dockerManifest].join(", ");

export class Repository {
  /** In normal form without tag or digest: `docker.io/library/nginx`. */
  readonly name: string;
  #sources: readonly Source[];

  constructor(name: string, sources: readonly Source[]) {
    this.name = name;
    this.#sources = sources;
  }

  /**
   * The digest that a tag names now, by the cheapest request; undefined when the registry does not say. Rejects as
   * {@link document} does.
   */
  async resolve(tag: string, signal?: AbortSignal): Promise<string | undefined> {
    const action = `look up ${this.name}:${tag}`;
    return await this.first("resolve", async (source) => {
      const response = await source.request({
        method: "HEAD",
        path: `manifests/${tag}`,
        headers: { accept: ACCEPT },
        scope: "pull",
        signal,
      });
      response.body.destroy();
      if (response.status !== 200) throw await refusal(response, action);
      const digest = response.headers["docker-content-digest"];
      return isDigest(digest) ? digest : undefined;
    });
  }

  /**
   * The manifest or index that a tag or digest names; its bytes have the digest. Rejects with `NotFound`,
   * `PermissionDenied`, `Unavailable` (reason `RegistryUnavailable`) or `FailedPrecondition`.
   */
  async document(reference: string, signal?: AbortSignal): Promise<RemoteDocument> {
    const isByDigest = reference.includes(":");
    const name = `${this.name}${isByDigest ? "@" : ":"}${reference}`;
    return await this.first(isByDigest ? "pull" : "resolve", async (source) => {
      const path = `manifests/${reference}`;
      const response = await source.request({
        method: "GET",
        path,
        headers: { accept: ACCEPT },
        scope: "pull",
        signal,
      });
      if (response.status !== 200) throw await refusal(response, `get the manifest of ${name}`);
      const data = await readBody(response, DOCUMENT_BYTES_MAX, `the manifest of ${name}`);
      const digest = digestOf(data);
      const promised = isByDigest ? reference : response.headers["docker-content-digest"];
      if (isDigest(promised) && promised !== digest)
        throw wrongDigest(`the manifest of ${name}`, promised, digest, response.url.origin);
      return { mediaType: (response.headers["content-type"] ?? "").split(";")[0]!.trim(), digest, data };
    });
  }

  /**
   * Does `task` with the first source that can. The one that could is asked first from then on. Rejects with what the
   * registry itself answered, and what its mirrors did before.
   */
  async first<T>(capability: Capability, task: (source: Source) => Promise<T>): Promise<T> {
    const failures: { readonly source: Source; readonly error: MinkeError }[] = [];
    const sources = this.#sources.filter((source) => source.offers(capability));
    for (const source of sources) {
      const before = failures.find((failure) => failure.source.host === source.host);
      if (before && !(before.source.wasAsked && isAboutRights(before.error))) continue;
      try {
        const result = await task(source);
        if (this.#sources[0] !== source) this.#sources = [source, ...this.#sources.filter((one) => one !== source)];
        return result;
      } catch (error) {
        if (!isMinkeError(error)) throw error;
        failures.push({ source, error });
      }
    }
    throw allFailed(this.name, capability, failures);
  }

  /** The credential that the last answer was given for; undefined when the host wanted none. */
  get credential(): DockerAuth | undefined {
    const [source] = this.#sources;
    return source?.wasAsked === true ? source.auth : undefined;
  }

  /** Leaves a host out from now on, because what it served was wrong. False when it was the last one. */
  distrust(source: Source): boolean {
    const rest = this.#sources.filter((one) => one.host !== source.host);
    if (rest.length === 0) return false;
    this.#sources = rest;
    return true;
  }
}

/** Registries say 404 too for what they do not want to show. */
function isAboutRights(error: MinkeError): boolean {
  return error.code === "PermissionDenied" || error.code === "NotFound";
}

function allFailed(
  name: string,
  capability: Capability,
  failures: readonly { readonly source: Source; readonly error: MinkeError }[],
): MinkeError {
  const told = failures.filter(
    ({ source }, i) => failures.findIndex((other) => other.source.host === source.host) === i,
  );
  const own = told.find(({ source }) => !source.host.mirrors) ?? told.at(-1);
  if (!own) {
    return new MinkeError(
      "FailedPrecondition",
      `Cannot use ${name}: no host of its registry's settings may ${capability}`,
      {
        reason: "ErrImagePull",
      },
    );
  }
  const others = told.filter((one) => one !== own).map(({ error }) => messageOf(error));
  if (others.length === 0) return own.error;
  return new MinkeError(own.error.code, `${own.error.message} (and before: ${others.join("; ")})`, {
    cause: own.error,
    ...(own.error.reason === undefined ? {} : { reason: own.error.reason }),
    details: own.error.details,
  });
}

/** `origin`: who gave it. */
export function wrongDigest(what: string, expected: string, actual: string, origin: string): MinkeError {
  return new MinkeError(
    "FailedPrecondition",
    `Cannot use ${what}: ${origin} gave content with digest ${actual}, not ${expected}`,
    { reason: "ErrImagePull", details: { expected, actual, origin } },
  );
}
