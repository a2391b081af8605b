/**
 * Where a login is kept: containers' `auth.json` (containers-auth.json(5)), or the credential helper that it or docker's
 * `config.json` names for the registry. A file of the configuration rather than podman's below /run: a node must be able to
 * pull after a reboot.
 */
import { realpath } from "node:fs/promises";
import { dirname } from "node:path";

import { placeOf } from "../../base/docker-auths.ts";
import { MinkeError } from "../../base/errors.ts";
import { atomicWrite, ensureFolder, readIfExists } from "../../host/files.ts";
import { asObject, readObject } from "../image-format.ts";
import { DOCKER_HUB } from "../reference.ts";
import { type CredentialsOptions, callHelper, credentialFiles, helperFor, serverOf } from "./credentials.ts";

/** Keeps a password for a registry; resolves with where: a file, or a helper program. */
export async function storeCredential(
  options: CredentialsOptions,
  registry: string,
  login: { readonly username: string; readonly password: string },
): Promise<string> {
  const { own, docker } = credentialFiles(options);
  for (const path of [own, docker]) {
    const document = await readDocument(path);
    const helper = document && helperFor(document, registry);
    if (helper === undefined) continue;
    const secret = { ServerURL: serverOf(registry), Username: login.username, Secret: login.password };
    const { code } = await callHelper(options, helper, "store", JSON.stringify(secret));
    // What a helper prints may hold what it was given.
    if (code === 0) return helper;
    throw new MinkeError("Unavailable", `Cannot keep the login: ${helper} of ${path} ended with exit code ${code}`);
  }
  const document = (await readDocument(own)) ?? {};
  const auth = Buffer.from(`${login.username}:${login.password}`).toString("base64");
  const auths = Object.entries(asObject(document["auths"]) ?? {}).filter(([key]) => !isFor(key, registry));
  await writeDocument(own, { ...document, auths: { ...Object.fromEntries(auths), [registry]: { auth } } });
  return own;
}

/** Forgets what the node has for a registry, wherever it is read from; resolves with the places that had something. */
export async function eraseCredential(options: CredentialsOptions, registry: string): Promise<readonly string[]> {
  const erased: string[] = [];
  for (const path of credentialFiles(options).all) {
    const document = await readDocument(path);
    if (!document) continue;
    const helper = helperFor(document, registry);
    if (helper !== undefined && (await callHelper(options, helper, "get", serverOf(registry))).code === 0) {
      const { code } = await callHelper(options, helper, "erase", serverOf(registry));
      if (code !== 0)
        throw new MinkeError("Unavailable", `Cannot log out of ${registry}: ${helper} ended with exit code ${code}`);
      erased.push(helper);
    }
    const isBare = path.endsWith(".dockercfg");
    const auths = isBare ? document : (asObject(document["auths"]) ?? {});
    const left = Object.fromEntries(Object.entries(auths).filter(([key]) => !isFor(key, registry)));
    if (Object.keys(left).length === Object.keys(auths).length) continue;
    await writeDocument(path, isBare ? left : { ...document, auths: left });
    erased.push(path);
  }
  return erased;
}

/** Docker Hub has several names. */
function isFor(key: string, registry: string): boolean {
  const place = placeOf(key);
  return place === registry || (registry === DOCKER_HUB && place === placeOf(serverOf(registry)));
}

async function readDocument(path: string): Promise<Record<string, unknown> | undefined> {
  const text = await readIfExists(path);
  if (text === undefined || text.trim() === "") return undefined;
  try {
    return readObject(text, path);
  } catch {
    // The parser's message quotes the text, and so perhaps a secret.
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot change the credentials in ${path}: it is no JSON object; mend it`,
    );
  }
}

async function writeDocument(path: string, document: unknown): Promise<void> {
  const target = await realpath(path).catch(() => path);
  await ensureFolder(dirname(target));
  await atomicWrite(target, `${JSON.stringify(document, undefined, 2)}\n`, { mode: 0o600, durable: true });
}
