/** Creates what the manifests say, in an order in which everything finds what it needs. */
import { isMinkeError, MinkeError } from "../../base/errors.ts";
import type { KubeObject } from "../../api/object.ts";
import type { Resource } from "../../api/resources.ts";
import { equalJson } from "../../api/equal.ts";
import type { Client } from "../../sdk/client.ts";
import { type Manifest, namespaceFor } from "../manifests.ts";

/** Something that play made, and will remove. */
export interface Made {
  readonly type: Resource;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly uid: string;
}

export interface CreateOptions {
  readonly namespace: string | undefined;
  readonly replace: boolean;
  /** Gets each object as soon as it exists, so that it can be removed whatever happens next. */
  readonly onMade: (made: Made) => void;
  readonly note: (line: string) => void;
}

const ORDER = ["Namespace", "ServiceAccount", "ConfigMap", "Secret", "Pod"];

/** Creates all; rejects at the first that can not be created, naming where it stands. */
export async function createAll(client: Client, manifests: readonly Manifest[], options: CreateOptions): Promise<void> {
  const rank = ({ type }: Manifest): number => ORDER.indexOf(type.kind);
  const wrong = manifests.find((manifest) => rank(manifest) < 0);
  if (wrong)
    throw new MinkeError(
      "InvalidArgument",
      `Cannot play the object at ${wrong.place}: it is a ${wrong.type.kind}, which is not for play`,
    );
  if (!manifests.some(({ type }) => type.kind === "Pod")) {
    throw new MinkeError(
      "InvalidArgument",
      "Cannot play these files: there is no Pod in them; use 'minke apply' for other objects",
    );
  }
  for (const manifest of manifests.toSorted((a, b) => rank(a) - rank(b))) {
    try {
      await createOne(client, manifest, options);
    } catch (error) {
      throw inPlace(error, manifest);
    }
  }
}

async function createOne(client: Client, manifest: Manifest, options: CreateOptions): Promise<void> {
  const { type, object } = manifest;
  const namespace = namespaceFor(manifest, options.namespace);
  const resource = client.resource(type, namespace);
  const name = object.metadata.name;
  const before = name === undefined ? undefined : await resource.find(name);
  if (before && !options.replace && !sameContent(before, object)) throw taken(type, before, namespace);
  if (before && type.kind !== "Pod") {
    // It was there before, so it stays when play ends.
    if (!sameContent(before, object)) await resource.update(object);
    return;
  }
  if (before) {
    if (!options.replace) throw taken(type, before, namespace);
    options.note(`Replacing pod/${name}`);
    await resource.delete(name!);
    await resource.wait(name!, (now) => now === undefined || now.metadata.uid !== before.metadata.uid);
  }
  const { metadata } = await resource.create(object);
  options.onMade({ type, name: metadata.name ?? "", namespace, uid: metadata.uid ?? "" });
}

/** Whether what is there already says what the manifest says; a Pod is never the same, for it has a life. */
function sameContent(before: KubeObject, wanted: KubeObject): boolean {
  if (before.kind === "Pod") return false;
  if (before.kind === "Namespace" || before.kind === "ServiceAccount") return true;
  return equalJson(contentOf(before), contentOf(wanted));
}

/** The data of a ConfigMap or a Secret; a Secret's text counts as the data that the server makes of it. */
function contentOf(object: KubeObject): unknown {
  const {
    data = {},
    binaryData = {},
    stringData = {},
  } = object as KubeObject & {
    readonly data?: Readonly<Record<string, string>>;
    readonly binaryData?: Readonly<Record<string, string>>;
    readonly stringData?: Readonly<Record<string, string>>;
  };
  const text = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  return { data: { ...data, ...Object.fromEntries(text) }, binaryData };
}

function taken(type: Resource, before: KubeObject, namespace: string | undefined): MinkeError {
  const what = `${type.singular} "${before.metadata.name}"`;
  return new MinkeError(
    "AlreadyExists",
    `${what} exists already in namespace ${namespace}; use --replace, or delete it first: minke delete ${type.singular} ${before.metadata.name} -n ${namespace}`,
  );
}

function inPlace(error: unknown, manifest: Manifest): unknown {
  if (!isMinkeError(error) || error.reason === "NoNode") return error;
  const { reason, details, cause } = error;
  return new MinkeError(error.code, `${error.message} (${manifest.place})`, {
    details,
    cause,
    ...(reason === undefined ? {} : { reason }),
  });
}
