/**
 * Every namespace has a service account `default`, and the certificate by which Pods know the API. Both come back when they
 * are deleted. Kubernetes: pkg/controller/serviceaccount, pkg/controller/certificates/rootcacertpublisher.
 */
import { equalJson } from "../../../api/equal.ts";
import type { ConfigMap } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { CONFIG_MAPS, NAMESPACES, resourceNameOf, SERVICE_ACCOUNTS } from "../../../api/resources.ts";
import { messageOf } from "../../../base/errors.ts";
import { ROOT_CA } from "../admission/service-account.ts";
import type { KubeServerOptions } from "../context.ts";
import { newObject } from "./new-object.ts";

/** Says to who reads the ConfigMap what it is for, as in a cluster. */
const CA_DESCRIPTION =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/**
 * Acts in the same turn: the account is there before the first Pod can come to its namespace. The certificate follows when
 * there is one; a Pod that needs it waits.
 */
export function keepNamespaceContent(node: KubeServerOptions): Disposable {
  const keeper = new ContentKeeper(node);
  keeper.start();
  return keeper;
}

class ContentKeeper implements Disposable {
  readonly #node: KubeServerOptions;
  readonly #watches = new DisposableStack();
  #ca: string | undefined;

  constructor(node: KubeServerOptions) {
    this.#node = node;
  }

  start(): void {
    const { store } = this.#node;
    this.#watches.use(store.watch(resourceNameOf(NAMESPACES), ({ object }) => this.#keep(object.metadata.name ?? "")));
    this.#watches.use(
      store.watch(resourceNameOf(SERVICE_ACCOUNTS), ({ type, object }) => {
        if (type === "DELETED" && object.metadata.name === "default") this.#keep(object.metadata.namespace ?? "");
      }),
    );
    this.#watches.use(
      store.watch(resourceNameOf(CONFIG_MAPS), ({ object }) => {
        if (object.metadata.name === ROOT_CA) this.#keep(object.metadata.namespace ?? "");
      }),
    );
    this.#keepAll();
    void this.#publish();
  }

  async #publish(): Promise<void> {
    const { identity, log } = this.#node;
    try {
      this.#ca = await identity.ca();
      if (!this.#watches.disposed) this.#keepAll();
    } catch (error) {
      log.error({ error: messageOf(error) }, "There is no certificate for Pods to know the API by");
    }
  }

  [Symbol.dispose](): void {
    this.#watches.dispose();
  }

  #keepAll(): void {
    for (const { metadata } of this.#node.store.list(resourceNameOf(NAMESPACES)).items) this.#keep(metadata.name ?? "");
  }

  #keep(namespace: string): void {
    const { store } = this.#node;
    const found = store.get({ resource: resourceNameOf(NAMESPACES), namespace: "", name: namespace });
    if (!found || found.metadata.deletionTimestamp) return;
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace } };
    if (!stored(this.#node, account)) store.create(resourceNameOf(SERVICE_ACCOUNTS), newObject(this.#node, account));
    if (this.#ca !== undefined) this.#keepCertificate(namespace, this.#ca);
  }

  #keepCertificate(namespace: string, ca: string): void {
    const { store } = this.#node;
    const wanted: ConfigMap = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: ROOT_CA, namespace, annotations: { "kubernetes.io/description": CA_DESCRIPTION } },
      data: { "ca.crt": ca },
    };
    const present = stored(this.#node, wanted) as ConfigMap | undefined;
    if (!present) store.create(resourceNameOf(CONFIG_MAPS), newObject(this.#node, wanted));
    else if (!equalJson(present.data, wanted.data)) {
      store.update(resourceNameOf(CONFIG_MAPS), { ...present, data: wanted.data! });
    }
  }
}

function stored({ store }: KubeServerOptions, { kind, metadata }: KubeObject): KubeObject | undefined {
  const resource = resourceNameOf(kind === "ConfigMap" ? CONFIG_MAPS : SERVICE_ACCOUNTS);
  return store.get({ resource, namespace: metadata.namespace!, name: metadata.name! });
}
