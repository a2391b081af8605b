/** The registries as this node reaches them: opens repositories by reference, with hosts from files and credentials. */
import type { Clock } from "../../base/clock.ts";
import { type DockerAuth, type DockerAuthEntry, authsFor, placeOf } from "../../base/docker-auths.ts";
import { type Reference, repositoryOf } from "../reference.ts";
import { type CredentialsOptions, nodeCredentials } from "./credentials.ts";
import { type RegistryHost, registryHosts } from "./hosts.ts";
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
}

function givenFor(auths: readonly GivenAuth[], repository: string): readonly DockerAuth[] {
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
