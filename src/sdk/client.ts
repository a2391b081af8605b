/** The typed client of a node's HTTP API. */
import type { ConfigMap, Event, Namespace, Node, Secret } from "../api/gen/types.ts";
import type { KubeObject } from "../api/object.ts";
import { type Http, httpOver } from "./http.ts";
import { type ImageClient, imageClient } from "./images.ts";
import { metricsClient, type MetricsClient } from "./metrics.ts";
import { podClient, type PodClient } from "./pods.ts";
import { type ResourceClient, resourceClient } from "./resource.ts";
import { CONFIG_MAPS, EVENTS, NAMESPACES, NODES, type Resource, SECRETS } from "../api/resources.ts";
import type { Transport } from "./transport.ts";

export interface ClientOptions {
  /** Gets the text of every `Warning:` header, such as a field that is stored but has no effect. */
  readonly onWarning?: (text: string) => void;
}

/** What the node says of itself. */
export interface NodeInfo {
  readonly version: string;
  readonly instance: string;
  readonly root: string;
  readonly state: string;
  readonly crun?: unknown;
  readonly conmon?: unknown;
  readonly cgroup?: unknown;
  readonly kernel?: unknown;
  readonly network?: unknown;
}

/** A client certificate, and what else a kubeconfig needs. Certificates and key are PEM. */
export interface ClientCertificate {
  readonly user: string;
  readonly groups: readonly string[];
  /** Such as `https://127.0.0.1:6443`. */
  readonly server: string;
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

export interface ClientCertificateRequest {
  /** Default `admin`. */
  readonly user?: string;
  /** Default `system:masters`, which may do everything. */
  readonly groups?: readonly string[];
  /** Default: a year. */
  readonly lifetimeSeconds?: number;
}

/** `GET /version`. */
export interface ServerVersion {
  readonly major: string;
  readonly minor: string;
  readonly gitVersion: string;
  readonly platform?: string;
}

export interface Client extends Disposable {
  /** Where the node is, for messages. */
  readonly target: string;
  readonly http: Http;
  /** The Pods of a namespace; without one, of all (for reading only). */
  pods(namespace?: string): PodClient;
  configMaps(namespace?: string): ResourceClient<ConfigMap>;
  secrets(namespace?: string): ResourceClient<Secret>;
  events(namespace?: string): ResourceClient<Event>;
  readonly namespaces: ResourceClient<Namespace>;
  readonly nodes: ResourceClient<Node>;
  /** Objects of any type that the server knows. */
  resource<T extends KubeObject = KubeObject>(type: Resource, namespace?: string): ResourceClient<T>;
  readonly images: ImageClient;
  readonly metrics: MetricsClient;
  info(): Promise<NodeInfo>;
  version(): Promise<ServerVersion>;
  /** All that the node's store holds, Secrets too, as the file that `minke store restore` takes. */
  storeBackup(): AsyncIterable<Uint8Array>;
  /** Makes a client certificate for HTTPS. The node keeps no copy. */
  clientCertificate(request?: ClientCertificateRequest): Promise<ClientCertificate>;
}

/** A client over any transport. Disposing it closes its connections. */
export function clientOver(transport: Transport, options: ClientOptions = {}): Client {
  const http = httpOver(transport, options.onWarning);
  return {
    target: transport.target,
    http,
    pods: (namespace) => podClient(http, namespace),
    configMaps: (namespace) => resourceClient<ConfigMap>(http, CONFIG_MAPS, namespace),
    secrets: (namespace) => resourceClient<Secret>(http, SECRETS, namespace),
    events: (namespace) => resourceClient<Event>(http, EVENTS, namespace),
    namespaces: resourceClient<Namespace>(http, NAMESPACES),
    nodes: resourceClient<Node>(http, NODES),
    resource: (type, namespace) => resourceClient(http, type, namespace),
    images: imageClient(http),
    metrics: metricsClient(http),
    info: () => http.json<NodeInfo>("GET", "/apis/node.minke.dev/v1alpha1/info"),
    version: () => http.json<ServerVersion>("GET", "/version"),
    async *storeBackup() {
      yield* (await http.stream("GET", "/apis/node.minke.dev/v1alpha1/storebackup", { accept: "*/*" })).body;
    },
    clientCertificate: (body = {}) =>
      http.json<ClientCertificate>("POST", "/apis/node.minke.dev/v1alpha1/clientcertificates", { body }),
    [Symbol.dispose]: () => transport[Symbol.dispose](),
  };
}
