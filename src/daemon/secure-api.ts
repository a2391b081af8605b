/** HTTPS of a node: where it listens, which certificate it shows, and when that is renewed. */
import { networkInterfaces } from "node:os";
import { join } from "node:path";

import type { Clock } from "../base/clock.ts";
import { isMinkeError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { atomicWrite } from "../host/files.ts";
import type { Instance } from "../host/instance.ts";
import type { NodeIdentity } from "../server/kube/auth/node-identity.ts";
import type { KubeServer } from "../server/kube/create-kube-server.ts";
import { type ListenAddress, parseListenAddress, urlOf, usualAddresses } from "./listen-address.ts";
import type { KeyPair } from "./pki/certificates.ts";
import { openPki, type Pki } from "./pki/pki.ts";

/** In the state folder: tells programs where the API is. */
export const API_FILE = "api.json";

/** Names by which clients may call the API server, as kubeadm has them. */
const NAMES = [
  "localhost",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
  "127.0.0.1",
  "::1",
];

export interface SecureApiOptions {
  readonly instance: Instance;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Nothing is read, made or opened before it is asked for. */
export class SecureApi implements Disposable {
  readonly identity: NodeIdentity;
  readonly #options: SecureApiOptions;
  #pki: Promise<Pki> | undefined;
  #address: ListenAddress | undefined;
  #renewal: Disposable | undefined;
  #ended = false;

  constructor(options: SecureApiOptions) {
    this.#options = options;
    this.identity = {
      ca: async () => (await this.#authority()).ca,
      clientCertificate: async (user, groups, lifetimeMs) =>
        await (await this.#authority()).client({ user, groups }, lifetimeMs),
      serverUrl: () => this.#address && urlOf(this.#address),
    };
  }

  /**
   * Listens where `listen` says (`off`, `auto` or an address), and tells so in the state folder. Rejects with
   * `FailedPrecondition` when an address that was asked for can not be had. The certificate comes behind.
   */
  async open(server: KubeServer, listen: string): Promise<void> {
    const { instance, log } = this.#options;
    if (listen === "off") return;
    this.#address = await bindFirst(server, addressesOf(listen, instance));
    const url = urlOf(this.#address);
    await atomicWrite(join(instance.state, API_FILE), `${JSON.stringify({ server: url })}\n`, { mode: 0o644 });
    log.info({ url }, "Serving HTTPS");
    this.#identify(server).catch((error: unknown) => log.error({ error: messageOf(error) }, "There is no HTTPS"));
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#renewal?.[Symbol.dispose]();
  }

  #authority(): Promise<Pki> {
    const { instance, clock } = this.#options;
    return (this.#pki ??= openPki({ folder: join(instance.root, "pki"), instance: instance.name, clock }));
  }

  async #identify(server: KubeServer): Promise<void> {
    const { clock, log } = this.#options;
    const pki = await this.#authority();
    const shown: KeyPair = await pki.server(this.#names());
    if (this.#ended) return;
    server.identify({ ...shown, ca: pki.ca });
    this.#renewal = clock.timer(pki.renewal(shown) - clock.now(), () => {
      // The CA is looked at again too; as it keeps its key, who trusts the old one trusts the new.
      this.#pki = undefined;
      this.#identify(server).catch((error: unknown) => {
        log.error({ error: messageOf(error) }, "The API server's certificate could not be renewed");
      });
    });
  }

  #names(): readonly string[] {
    const { host } = this.#address!;
    const every = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
    const wide = host === "0.0.0.0" || host === "::";
    return [...new Set([...NAMES, this.#options.nodeName, ...(wide ? every : [host])])];
  }
}

function addressesOf(listen: string, instance: Instance): readonly ListenAddress[] {
  const given = parseListenAddress(listen);
  return given ? [given] : usualAddresses(instance);
}

async function bindFirst(server: KubeServer, addresses: readonly ListenAddress[]): Promise<ListenAddress> {
  const [first, ...others] = addresses;
  const { host, port } = first!;
  try {
    return { host, port: await server.bind(host, port) };
  } catch (error) {
    if (others.length === 0 || !isMinkeError(error, "FailedPrecondition")) throw error;
    return await bindFirst(server, others);
  }
}
