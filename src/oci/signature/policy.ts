/**
 * Which images may come from registries: a file in the form of containers-policy.json(5), as podman, skopeo and CRI-O read it. Known are
 * `insecureAcceptAnything`, `reject`, and `sigstoreSigned` with public keys; what is not known is refused and not passed over, since
 * it may have been meant to forbid.
 */
import { type KeyObject, createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { MinkeError, messageOf } from "../../base/errors.ts";
import { asObject, readObject } from "../image-format.ts";
import { type Identity, readIdentity } from "./identity.ts";

export type Requirement =
  | { readonly type: "insecureAcceptAnything" }
  | { readonly type: "reject" }
  | { readonly type: "sigstoreSigned"; readonly keys: readonly KeyObject[]; readonly identity: Identity };

export interface Policy {
  readonly path: string;
  readonly fallback: readonly Requirement[];
  /** By scope: `registry/path:tag`, `registry/path@digest`, `registry/path`, `registry`, `*.example`, or empty. */
  readonly scopes: ReadonlyMap<string, readonly Requirement[]>;
}

/** Reads the file and the keys that it names; relative paths are beside it. Rejects with `FailedPrecondition`. */
export async function readPolicy(path: string): Promise<Policy> {
  try {
    const document = readObject(await readFile(path, "utf8"), path);
    refuseUnknown(document, ["default", "transports"], "the policy");
    const transports = objectAt(document, "transports");
    // Policies of podman speak of docker-daemon: and dir: as well; here all images come from registries.
    const docker = objectAt(transports, "docker");
    const scopes = new Map<string, readonly Requirement[]>();
    for (const [scope, value] of Object.entries(docker)) scopes.set(scope, await requirementsOf(value, path, scope));
    return { path, fallback: await requirementsOf(document["default"], path, "default"), scopes };
  } catch (error) {
    throw new MinkeError("FailedPrecondition", `Cannot use image policy ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** What an image has to fulfil, all of it: what the most specific scope says. `name` is in normal form. */
export function requirementsFor(policy: Policy, name: string): readonly Requirement[] {
  for (const scope of scopesOf(name)) {
    const found = policy.scopes.get(scope);
    if (found) return found;
  }
  return policy.fallback;
}

/** From the most specific to the whole transport. */
function* scopesOf(name: string): Generator<string> {
  yield name;
  const slash = name.lastIndexOf("/");
  let scope = name.slice(0, slash) + name.slice(slash).replace(/[:@].*$/, "");
  for (; scope.includes("/"); scope = scope.slice(0, scope.lastIndexOf("/"))) yield scope;
  yield scope;
  const host = scope.replace(/:\d+$/, "");
  for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) yield `*${host.slice(dot)}`;
  yield "";
}

async function requirementsOf(value: unknown, path: string, scope: string): Promise<readonly Requirement[]> {
  if (!Array.isArray(value) || value.length === 0) throw new Error(`"${scope}" is no list with requirements`);
  return await Promise.all(value.map(async (one) => await requirementOf(asObject(one) ?? {}, path, scope)));
}

async function requirementOf(
  requirement: Readonly<Record<string, unknown>>,
  path: string,
  scope: string,
): Promise<Requirement> {
  const { type } = requirement;
  if (type === "insecureAcceptAnything" || type === "reject") {
    refuseUnknown(requirement, ["type"], `"${scope}"`);
    return { type };
  }
  if (type !== "sigstoreSigned") {
    throw new Error(
      `"${scope}" has a requirement of type ${JSON.stringify(type)}; known are insecureAcceptAnything, reject, sigstoreSigned`,
    );
  }
  const { keyPath, keyPaths, keyData, keyDatas, signedIdentity } = requirement;
  refuseUnknown(requirement, ["type", "keyPath", "keyPaths", "keyData", "keyDatas", "signedIdentity"], `"${scope}"`);
  const given = [keyPath, keyPaths, keyData, keyDatas].filter((one) => one !== undefined);
  if (given.length !== 1) throw new Error(`"${scope}" needs one of keyPath, keyPaths, keyData and keyDatas`);
  const pems = [
    ...textsAt(keyData ?? keyDatas ?? []).map((text) => Buffer.from(text, "base64")),
    ...(await Promise.all(textsAt(keyPath ?? keyPaths ?? []).map((file) => readFile(resolve(path, "..", file))))),
  ];
  return { type, keys: pems.map((pem) => createPublicKey(pem)), identity: readIdentity(signedIdentity, scope) };
}

function textsAt(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((text) => {
    if (typeof text !== "string" || text === "") throw new Error("a key is no text");
    return text;
  });
}

function objectAt(object: Readonly<Record<string, unknown>>, key: string): Record<string, unknown> {
  const value = asObject(object[key] ?? {});
  if (!value) throw new Error(`"${key}" is no object`);
  return value;
}

function refuseUnknown(object: Readonly<Record<string, unknown>>, known: readonly string[], where: string): void {
  const unknown = Object.keys(object).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Error(`${where} has a field "${unknown}" that is not known here`);
}
