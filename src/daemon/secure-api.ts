/** HTTPS of a node: where it listens, which certificate it shows, and when that is renewed. */
import { networkInterfaces } from "node:os";
import { join } from "node:path";

import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { atomicWrite, readIfExists } from "../host/files.ts";
import type { Instance } from "../host/instance.ts";
import type { Network } from "../oci/cni.ts";
import type { NodeIdentity } from "../server/kube/auth/node-identity.ts";
import type { KubeServer } from "../server/kube/create-kube-server.ts";
import { bindFirst } from "./bind-first.ts";
import { type ListenAddress, parseListenAddress, urlOf, usualAddresses, usualPorts } from "./listen-address.ts";
import type { KeyPair } from "./pki/certificates.ts";
import { openPki, type Pki } from "./pki/pki.ts";
import { openForPods } from "./pods-address.ts";

/** In the state folder: tells programs where the API is, and the next daemon where Pods that run expect it. */
const API_FILE = "api.json";

/** Its content: URLs. */
interface Addresses {
  readonly server: string;
  readonly pods?: string;
}

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
  readonly network: Pick<Network, "hostSide">;
  /** The machine's primary address. */
  readonly nodeIp: string;
}

/** Nothing is read, made or opened before it is asked for. */
export class SecureApi implements Disposable {
  readonly identity: NodeIdentity;
  readonly #options: SecureApiOptions;
  #pki: Promise<Pki> | undefined;
  #address: ListenAddress | undefined;
  #forPods: Promise<ListenAddress | undefined> | undefined;
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
   * `FailedPrecondition` when an address that was asked for can not be had. The certificate comes behind, and, when
   * `forPods`, the address for Pods.
   */
  async open(server: KubeServer, listen: string, { forPods }: { readonly forPods: boolean }): Promise<void> {
    const { instance, log } = this.#options;
    if (listen === "off") return;
    const before = forPods ? await this.#told() : undefined;
    const main = await bindFirst(server, addressesOf(listen, instance));
    this.#address = main;
    await this.#tell({ ...before, server: urlOf(main) });
    log.info({ url: urlOf(main) }, "Serving HTTPS");
    if (forPods) this.#forPods = this.#openForPods(server, main, before?.pods);
    this.#identify(server).catch((error: unknown) => log.error({ error: messageOf(error) }, "There is no HTTPS"));
  }

  /** Where Pods reach the API; undefined when they do not. Never rejects. */
  async forPods(): Promise<ListenAddress | undefined> {
    return await this.#forPods;
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
    const shown: KeyPair = await pki.server(this.#names(await this.#forPods));
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

  async #openForPods(server: KubeServer, main: ListenAddress, before?: string): Promise<ListenAddress | undefined> {
    const { network, nodeIp, instance, log } = this.#options;
    const known = Number(URL.parse(before ?? "")?.port ?? 0);
    const ports = [...(known > 0 ? [known] : []), ...usualPorts(instance)];
    try {
      const opened = await openForPods({ server, network, main, nodeIp, ports });
      const url = urlOf(opened);
      if (before !== undefined && before !== url) {
        log.warn({ before, url }, "Pods that run expect the API at another address than it has now; restart them");
      }
      await this.#tell({ server: urlOf(main), pods: url });
      log.info({ url }, "Serving HTTPS for Pods");
      return opened;
    } catch (error) {
      log.warn({ error: messageOf(error) }, "Pods do not reach the API");
      return undefined;
    }
  }

  async #told(): Promise<Addresses | undefined> {
    const text = await readIfExists(join(this.#options.instance.state, API_FILE));
    try {
      return text === undefined ? undefined : (JSON.parse(text) as Addresses);
    } catch {
      // Cut short by hand: no more than a hint is lost.
      return undefined;
    }
  }

  async #tell(addresses: Addresses): Promise<void> {
    await atomicWrite(join(this.#options.instance.state, API_FILE), `${JSON.stringify(addresses)}\n`, { mode: 0o644 });
  }

  #names(forPods: ListenAddress | undefined): readonly string[] {
    const { host } = this.#address!;
    const every = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
    const wide = host === "0.0.0.0" || host === "::";
    return [
      ...new Set([...NAMES, this.#options.nodeName, ...(wide ? every : [host]), ...(forPods ? [forPods.host] : [])]),
    ];
  }
}

function addressesOf(listen: string, instance: Instance): readonly ListenAddress[] {
  const given = parseListenAddress(listen);
  return given ? [given] : usualAddresses(instance);
}
