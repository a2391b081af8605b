/** The text of a kubeconfig (client-go: tools/clientcmd/api/v1/types.go). What is in one already stays as it is written. */
import { type Document, isMap, isSeq, parseDocument, stringify, visit, type YAMLMap, type YAMLSeq } from "yaml";

import { MinkeError } from "../../base/errors.ts";

export interface KubeconfigEntry {
  /** Of context, cluster and user entry. */
  readonly name: string;
  readonly server: string;
  /** All PEM. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** A kubeconfig with nothing else in it. */
export function newKubeconfig(entry: KubeconfigEntry): string {
  const { cluster, user, context } = partsOf(entry);
  return stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      clusters: [cluster],
      users: [user],
      contexts: [context],
      "current-context": entry.name,
    },
    { lineWidth: 0 },
  );
}

/**
 * `text` with the entry in it; one of that name is replaced. The current context stays, unless there is none. Throws
 * `FailedPrecondition` when the text is no kubeconfig.
 */
export function mergeKubeconfig(text: string, entry: KubeconfigEntry, file: string): string {
  // Every scalar stays the text that it is: a token 0123 is no number to be written anew.
  const document = parseDocument(text, { schema: "failsafe" });
  if (document.contents === null && document.errors.length === 0) return newKubeconfig(entry);
  const known = document.errors.length === 0 && isMap(document.contents) && document.get("kind") === "Config";
  if (!known) {
    const why = document.errors[0]?.message.split("\n", 1)[0] ?? "it is not of kind Config";
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot merge into ${file}: ${why}; correct it, or choose another --output`,
    );
  }
  const { cluster, user, context } = partsOf(entry);
  put(document, "clusters", cluster);
  put(document, "users", user);
  put(document, "contexts", context);
  if (["", "null", "~", undefined].includes(document.get("current-context") as string | undefined))
    document.set("current-context", entry.name);
  return document.toString({ lineWidth: 0 });
}

type Named = Readonly<Record<string, unknown>> & { readonly name: string };

function partsOf({
  name,
  server,
  ca,
  certificate,
  key,
}: KubeconfigEntry): Readonly<Record<"cluster" | "user" | "context", Named>> {
  const base64 = (pem: string): string => Buffer.from(pem).toString("base64");
  return {
    cluster: { name, cluster: { server, "certificate-authority-data": base64(ca) } },
    user: { name, user: { "client-certificate-data": base64(certificate), "client-key-data": base64(key) } },
    context: { name, context: { cluster: name, user: name } },
  };
}

/** Puts an entry into one of the lists, in place of one of its name. */
function put(document: Document, list: string, entry: Named): void {
  const items = document.get(list) as YAMLSeq<YAMLMap> | null | undefined;
  const node = document.createNode(entry) as unknown as YAMLMap;
  visit(node, {
    // What would be no text elsewhere needs quotes.
    Scalar: (_key, scalar) => {
      if (stringify(scalar.value) !== `${scalar.value as string}\n`) scalar.type = "QUOTE_DOUBLE";
    },
  });
  if (!isSeq(items)) return document.set(list, document.createNode([node]));
  const index = items.items.findIndex((item) => isMap(item) && item.get("name") === entry.name);
  if (index < 0) items.items.push(node);
  else items.items[index] = node;
}
