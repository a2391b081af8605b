/**
 * Every namespace has a service account `default`, and the certificate by which Pods know the API. Both come back when they
 * are deleted. Kubernetes: pkg/controller/serviceaccount, pkg/controller/certificates/rootcacertpublisher.
 */
import { equalJson } from "../../../api/equal.ts";
import type { ConfigMap } from "../../../api/gen/types.ts";
import type { KubeObject } from "../../../api/object.ts";
import { CONFIG_MAPS, NAMESPACES, resourceNameOf, SERVICE_ACCOUNTS } from "../../../api/resources.ts";
import { ROOT_CA } from "../admission/service-account.ts";
import type { KubeServerOptions } from "../context.ts";
import { newObject } from "./new-object.ts";

/** Says to who reads the ConfigMap what it is for, as in a cluster. */
const CA_DESCRIPTION =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/** Acts in the same turn: the account is there before the first Pod can come to its namespace. */
export function keepNamespaceContent(node: KubeServerOptions): Disposable {
  const { store } = node;
  const watches = new DisposableStack();
  watches.use(store.watch(resourceNameOf(NAMESPACES), ({ object }) => keep(node, object.metadata.name ?? "")));
  watches.use(
    store.watch(resourceNameOf(SERVICE_ACCOUNTS), ({ type, object }) => {
      if (type === "DELETED" && object.metadata.name === "default") keep(node, object.metadata.namespace ?? "");
    }),
  );
  watches.use(
    store.watch(resourceNameOf(CONFIG_MAPS), ({ object }) => {
      if (object.metadata.name === ROOT_CA) keep(node, object.metadata.namespace ?? "");
    }),
  );
  for (const namespace of store.list(resourceNameOf(NAMESPACES)).items) keep(node, namespace.metadata.name ?? "");
  return watches;
}

function keep(node: KubeServerOptions, namespace: string): void {
  const { store, rootCa } = node;
  const found = store.get({ resource: resourceNameOf(NAMESPACES), namespace: "", name: namespace });
  if (!found || found.metadata.deletionTimestamp) return;
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace } };
  if (!stored(node, account)) store.create(resourceNameOf(SERVICE_ACCOUNTS), newObject(node, account));
  if (rootCa === undefined) return;
  const wanted: ConfigMap = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: ROOT_CA, namespace, annotations: { "kubernetes.io/description": CA_DESCRIPTION } },
    data: { "ca.crt": rootCa },
  };
  const present = stored(node, wanted) as ConfigMap | undefined;
  if (!present) store.create(resourceNameOf(CONFIG_MAPS), newObject(node, wanted));
  else if (!equalJson(present.data, wanted.data)) {
    store.update(resourceNameOf(CONFIG_MAPS), { ...present, data: wanted.data! });
  }
}

function stored({ store }: KubeServerOptions, { kind, metadata }: KubeObject): KubeObject | undefined {
  const resource = resourceNameOf(kind === "ConfigMap" ? CONFIG_MAPS : SERVICE_ACCOUNTS);
  return store.get({ resource, namespace: metadata.namespace!, name: metadata.name! });
}
