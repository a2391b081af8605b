/**
 * The node's own credentials: podman's `auth.json` (containers-auth.json(5)) and docker's
 * `config.json`, with its credential helpers and stores. Read anew for each pull, so that a login counts at once.
 */
import { homedir } from "node:os";
import { join } from "node:path";

import { type DockerAuth, authsFor, placeOf, readDockerAuths } from "../../base/docker-auths.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { readIfExists } from "../../host/files.ts";
import type { Host } from "../../host/host.ts";
import { asObject, textOf } from "../image-format.ts";
import { DOCKER_HUB } from "../reference.ts";

/** Milliseconds that a credential helper may take; some ask a cloud. */
const HELPER_TIMEOUT_MS = 30_000;
/** What docker calls Docker Hub towards helpers. */
const DOCKER_HUB_SERVER = "https://index.docker.io/v1/";

export interface CredentialsOptions {
  readonly host: Pick<Host, "process">;
  readonly log: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The credentials that this node has for a repository (`docker.io/library/nginx`), the most specific of each file first. */
export async function nodeCredentials(options: CredentialsOptions, repository: string): Promise<readonly DockerAuth[]> {
  const found: DockerAuth[] = [];
  for (const path of credentialFiles(options).all) {
    try {
      const text = await readIfExists(path);
      if (text === undefined) continue;
      const bare = path.endsWith(".dockercfg");
      const own = authsFor(readDockerAuths(text, path, { bare }), repository);
      found.push(...(bare ? [] : await helpedAuths(options, text, repository)), ...own);
    } catch (error) {
      // A file that a person left broken must not keep public images from being pulled.
      options.log.warn({ file: path, error: messageOf(error) }, "Credentials can not be read");
    }
  }
  return found;
}

/** The files with the node's credentials, in the order in which they are asked; `own` is where a login is kept. */
export function credentialFiles({ env }: Pick<CredentialsOptions, "env">): {
  readonly all: readonly string[];
  readonly own: string;
  readonly docker: string;
} {
  const home = env["HOME"] ?? homedir();
  const named = env["REGISTRY_AUTH_FILE"];
  const runtime = env["XDG_RUNTIME_DIR"];
  const config = join(env["XDG_CONFIG_HOME"] ?? join(home, ".config"), "containers/auth.json");
  const docker = join(env["DOCKER_CONFIG"] ?? join(home, ".docker"), "config.json");
  const all = [
    ...(named === undefined ? [] : [named]),
    ...(runtime === undefined ? [] : [join(runtime, "containers/auth.json")]),
    `/run/containers/${process.getuid?.() ?? 0}/auth.json`,
    config,
    docker,
    join(home, ".dockercfg"),
  ];
  return { all, own: named ?? config, docker };
}

/** What the helper for a registry keeps, or else the store for all. */
async function helpedAuths(
  options: CredentialsOptions,
  text: string,
  repository: string,
): Promise<readonly DockerAuth[]> {
  const registry = repository.slice(0, repository.indexOf("/"));
  const helper = helperFor(asObject(JSON.parse(text)) ?? {}, registry);
  return helper === undefined ? [] : await askHelper(options, helper, serverOf(registry));
}

/** The program that a file names for a registry, or else for all. */
export function helperFor(document: Readonly<Record<string, unknown>>, registry: string): string | undefined {
  const helpers = Object.entries(asObject(document["credHelpers"]) ?? {});
  const own = helpers.find(([key]) => placeOf(key) === placeOf(serverOf(registry)) || key === registry);
  const helper = textOf(own?.[1]) || textOf(document["credsStore"]);
  return /^[A-Za-z0-9._-]+$/.test(helper) ? `docker-credential-${helper}` : undefined;
}

/** What helpers call a registry. */
export function serverOf(registry: string): string {
  return registry === DOCKER_HUB ? DOCKER_HUB_SERVER : registry;
}

/** docker/docker-credential-helpers: one verb as argument, the rest on standard input. */
export async function callHelper(
  { host, env }: CredentialsOptions,
  program: string,
  verb: "get" | "store" | "erase",
  stdin: string,
): Promise<{ readonly code: number; readonly stdout: string }> {
  const set = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const environment = Object.fromEntries(set);
  return await host.process.run({ argv: [program, verb], stdin, env: environment, timeoutMs: HELPER_TIMEOUT_MS });
}

async function askHelper(options: CredentialsOptions, program: string, server: string): Promise<readonly DockerAuth[]> {
  const { log } = options;
  try {
    const { code, stdout } = await callHelper(options, program, "get", server);
    if (code !== 0) {
      // Helpers tell on standard output that they have nothing; only then it is sure to hold no secret.
      const isMissing = /credentials not found/i.test(stdout);
      if (!isMissing) log.warn({ program, server, code }, "A credential helper failed");
      return [];
    }
    const answer = asObject(JSON.parse(stdout));
    const [username, secret] = [textOf(answer?.["Username"]), textOf(answer?.["Secret"])];
    if (secret === "") return [];
    return [username === "<token>" ? { identityToken: secret } : { username, password: secret }];
  } catch {
    log.warn({ program, server }, "A credential helper gave no answer that can be read");
    return [];
  }
}
