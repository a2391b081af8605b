/** The registries as this node reaches them: opens repositories by reference, with hosts from files and credentials. */
import type { Clock } from "../../base/clock.ts";
import { type DockerAuth, type DockerAuthEntry, authsFor, placeOf } from "../../base/docker-auths.ts";
import { MinkeError, isMinkeError } from "../../base/errors.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import { LOCAL_REGISTRY, type Reference, parseReference, repositoryOf } from "../reference.ts";
import { eraseCredential, storeCredential } from "./credential-store.ts";
import { type CredentialsOptions, nodeCredentials } from "./credentials.ts";
import { type RegistryHost, registryHosts } from "./hosts.ts";
import { checkLogin } from "./login.ts";
import { Repository } from "./repository.ts";
import { Source } from "./source.ts";
import { Transport } from "./transport.ts";

export interface RegistriesOptions extends CredentialsOptions {
  readonly clock: Clock;
  /** Directory with a folder per registry: hosts.toml. Need not exist. */
  readonly directory: string;
}

/** A credential that somebody gave, for all images or for those below a place of docker's files. */
export interface GivenAuth extends DockerAuth {
  readonly place?: string;
}

export interface OpenOptions {
  /** Tried in order; then the node's own credentials, and anonymously last. */
  readonly auth?: readonly GivenAuth[] | undefined;
  /** False: any certificate will do, and none. Default: true. */
  readonly verifyTls?: boolean | undefined;
}

export class Registries {
  readonly #options: RegistriesOptions;
  readonly #transport: Transport;
  /** One change at a time of the files with credentials. */
  readonly #files = new KeyedLock();

  constructor(options: RegistriesOptions) {
    this.#options = options;
    this.#transport = new Transport(options.clock);
  }

  /** The repository of a reference with a registry. Nothing is sent yet. Rejects when settings can not be read. */
  async open(reference: Reference, options: OpenOptions = {}): Promise<Repository> {
    const name = repositoryOf(reference);
    const slash = name.indexOf("/");
    const [registry, path] = [name.slice(0, slash), name.slice(slash + 1)];
    const { verifyTls = true } = options;
    const hosts = await registryHosts(this.#options.directory, registry, { verifyTls });
    const given = givenFor(options.auth ?? [], name);
    const sources: Source[] = [];
    for (const host of hosts) {
      const own = await nodeCredentials(this.#options, host.mirrors ? mirrorName(host, path) : name);
      // What was given is for the registry, not for whoever mirrors it: mirrors get what the node has for themselves.
      for (const auth of [...(host.mirrors ? [] : given), ...own, undefined]) {
        const { clock } = this.#options;
        sources.push(new Source({ host, transport: this.#transport, clock, auth, registry, path }));
      }
    }
    return new Repository(name, sources);
  }

  /**
   * Keeps a password for a registry when the registry takes it; resolves with where it is kept. Rejects with
   * `PermissionDenied` when it does not, with nothing changed.
   */
  async login(
    text: string,
    login: { readonly username: string; readonly password: string },
    options: Pick<OpenOptions, "verifyTls"> & { readonly signal?: AbortSignal } = {},
  ): Promise<string> {
    const registry = registryOf(text);
    const hosts = await registryHosts(this.#options.directory, registry, { verifyTls: options.verifyTls ?? true });
    const host = hosts.find(({ mirrors }) => !mirrors) ?? hosts[0]!;
    try {
      await checkLogin(this.#transport, host, this.#options.clock, { auth: login, signal: options.signal });
    } catch (error) {
      if (!isMinkeError(error)) throw error;
      const message = `Cannot log in to ${registry} as "${login.username}": ${error.message.replace("Cannot log in: ", "")}`;
      throw new MinkeError(error.code, message, { cause: error, details: { registry } });
    }
    return await this.#files.run("files", async () => await storeCredential(this.#options, registry, login));
  }

  /** Forgets the node's passwords for a registry; resolves with the places that had one. */
  async logout(text: string): Promise<readonly string[]> {
    const registry = registryOf(text);
    return await this.#files.run("files", async () => await eraseCredential(this.#options, registry));
  }
}

/** `HOST[:PORT]` of what people write for a registry, such as docker's `https://index.docker.io/v1/`. */
function registryOf(text: string): string {
  try {
    const { registry } = parseReference(`${placeOf(text)}/image`);
    if (registry !== undefined && registry !== LOCAL_REGISTRY && !placeOf(text).includes("/")) return registry;
  } catch {
    // Told below, in the words of registries.
  }
  throw new MinkeError("InvalidArgument", `Cannot use registry "${text}": write HOST or HOST:PORT`);
}

/** Those of what was given that are for a repository, the most specific first. */
export function givenFor(auths: readonly GivenAuth[], repository: string): readonly DockerAuth[] {
  const entries = auths.map(({ place, ...auth }) => ({
    place: place === undefined ? undefined : placeOf(place),
    auth,
  }));
  const placed = entries.filter((entry): entry is DockerAuthEntry => entry.place !== undefined && entry.place !== "");
  const everywhere = entries.filter(({ place }) => place === undefined || place === "");
  return [...authsFor(placed, repository), ...everywhere.map(({ auth }) => auth)];
}

function mirrorName(host: RegistryHost, path: string): string {
  return `${new URL(host.root).host}/${path}`;
}
