/**
 * Where a registry is reached: itself, and the mirrors before it. Read for each pull from a directory in containerd's form
 * (containerd docs/hosts.md): `<dir>/<registry>/hosts.toml`, `<dir>/_default/hosts.toml` for all others, and without such a
 * file docker's certificates (`*.crt` authorities, `*.cert` with `*.key` for the client).
 *
 * The stored name is the requested one, whatever host has served it.
 */
import { readFile, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";

import { MinkeError, errnoOf, messageOf } from "../../base/errors.ts";
import { readIfExists } from "../../host/files.ts";
import { DOCKER_HUB } from "../reference.ts";
import { type TomlTable, type TomlValue, readToml } from "./toml.ts";

export const CAPABILITIES = ["pull", "resolve", "push"] as const;
/** `resolve`: may say which digest a tag names; `pull`: may give content by its digest. */
export type Capability = (typeof CAPABILITIES)[number];

export interface TlsSettings {
  /** PEM of authorities trusted besides the system's. */
  readonly ca: readonly string[];
  /** PEM of the client's certificates and keys. */
  readonly clients: readonly { readonly cert: string; readonly key: string }[];
  readonly verify: boolean;
}

export interface RegistryHost {
  /** The API's root without a slash at its end: `https://mirror.example/v2`. */
  readonly root: string;
  readonly capabilities: readonly Capability[];
  readonly tls: TlsSettings;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Mirrors are told which registry is meant, and get no credentials but those for themselves. */
  readonly mirrors: boolean;
  /** Whether to ask again without TLS when the host speaks none. */
  readonly plainFallback: boolean;
  /** Milliseconds that connecting may take. */
  readonly connectTimeoutMs: number;
  /** How the path of a repository is changed for this host: the first pattern that matches. */
  readonly rewrites: readonly { readonly pattern: RegExp; readonly replacement: string }[];
}

const FIELDS = ["capabilities", "ca", "client", "skip_verify", "header", "override_path", "rewrite", "dial_timeout"];
/** Milliseconds that connecting to a host may take when its settings do not say. */
const CONNECT_TIMEOUT_MS = 30_000;
const DURATION_UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };
const NO_TLS: TlsSettings = { ca: [], clients: [], verify: true };
/** Docker Hub's API is not where its name says. */
const DOCKER_HUB_SERVER = "registry-1.docker.io";

/** The hosts to ask, in order. `directory` need not exist. */
export async function registryHosts(
  directory: string,
  registry: string,
  options: { readonly verifyTls?: boolean } = {},
): Promise<readonly RegistryHost[]> {
  const hosts = (await configuredHosts(directory, registry)) ?? [defaultHost(registry, NO_TLS)];
  if (options.verifyTls !== false) return hosts;
  return hosts.map((host) => ({ ...host, tls: { ...host.tls, verify: false }, plainFallback: true }));
}

/** Whether a host name, with or without a port, is this machine's own. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return name === "localhost" || name === "::1" || /^127\.\d+\.\d+\.\d+$/.test(name);
}

async function configuredHosts(directory: string, registry: string): Promise<readonly RegistryHost[] | undefined> {
  const names = [registry, registry.replace(/:(\d+)$/, "_$1_"), "_default"];
  for (const folder of [...new Set(names)].map((name) => join(directory, name))) {
    const files = await readdir(folder).catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return;
      throw new MinkeError("FailedPrecondition", `Cannot read the registry's settings: ${messageOf(error)}`, {
        cause: error,
      });
    });
    if (!files) continue;
    const path = join(folder, "hosts.toml");
    const text = await readIfExists(path);
    if (text !== undefined) return await hostsOf(readToml(text, path), { folder, path, registry });
    return [defaultHost(registry, await dockerCertificates(folder, files))];
  }
  return undefined;
}

interface Origin {
  readonly folder: string;
  readonly path: string;
  readonly registry: string;
}

async function hostsOf(document: TomlTable, origin: Origin): Promise<readonly RegistryHost[]> {
  checkKeys(document, [...FIELDS, "server", "host"], "the file", origin);
  const server = document.get("server") ?? "";
  if (typeof server !== "string") throw invalid(origin, '"server" is no text');
  const tables = document.get("host") ?? new Map<string, TomlValue>();
  if (!(tables instanceof Map)) throw invalid(origin, '"host" is no table');
  const hosts: RegistryHost[] = [];
  for (const [url, table] of tables as TomlTable) {
    if (!(table instanceof Map)) throw invalid(origin, `[host."${url}"] is no table`);
    checkKeys(table as TomlTable, FIELDS, `[host."${url}"]`, origin);
    hosts.push({ ...(await hostOf(url, table as TomlTable, origin)), mirrors: true });
  }
  const fallback = defaultHost(origin.registry, NO_TLS);
  const own = await hostOf(server === "" ? fallback.root : server, document, origin);
  return [...hosts, server === "" ? { ...own, plainFallback: fallback.plainFallback } : own];
}

/** One host, whose fields are at the top of the file or in its `[host."…"]`. */
async function hostOf(url: string, table: TomlTable, origin: Origin): Promise<RegistryHost> {
  const capabilities = textsOf(table.get("capabilities") ?? [...CAPABILITIES], "capabilities", origin);
  const unknown = capabilities.find((one) => !CAPABILITIES.some((known) => known === one));
  if (unknown !== undefined) throw invalid(origin, `capability "${unknown}" is none of ${CAPABILITIES.join(", ")}`);
  const skipVerify = flagOf(table, "skip_verify", origin);
  return {
    root: rootOf(url, flagOf(table, "override_path", origin), origin),
    capabilities: capabilities as readonly Capability[],
    tls: {
      ca: await Promise.all(textsOf(table.get("ca") ?? [], "ca", origin).map((path) => pem(path, origin))),
      clients: await clientsOf(table.get("client") ?? [], origin),
      verify: !skipVerify,
    },
    headers: headersOf(table.get("header") ?? new Map(), origin),
    mirrors: false,
    plainFallback: false,
    connectTimeoutMs: durationOf(table.get("dial_timeout"), origin),
    rewrites: rewritesOf(table.get("rewrite") ?? new Map(), origin),
  };
}

function rootOf(text: string, overridePath: boolean, origin: Origin): string {
  let url: URL;
  try {
    url = new URL(/^https?:\/\//.test(text) ? text : `https://${text}`);
  } catch (error) {
    throw invalid(origin, `"${text}" is no URL`, error);
  }
  if (url.username !== "" || url.password !== "")
    throw invalid(origin, "a URL holds a credential; use minke image login");
  const path = url.pathname.replace(/\/+$/, "");
  return `${url.origin}${overridePath || path.endsWith("/v2") ? path : `${path}/v2`}`;
}

/**
 * A registry of which no file says anything: https, but on a loopback address also without a certificate that can be
 * verified, or without TLS, as docker and containerd have it.
 */
function defaultHost(registry: string, tls: TlsSettings): RegistryHost {
  const isLocal = isLoopback(registry);
  return {
    root: `https://${registry === DOCKER_HUB ? DOCKER_HUB_SERVER : registry}/v2`,
    capabilities: CAPABILITIES,
    tls: isLocal && tls.ca.length === 0 ? { ...tls, verify: false } : tls,
    headers: {},
    mirrors: false,
    plainFallback: isLocal,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    rewrites: [],
  };
}

async function dockerCertificates(folder: string, files: readonly string[]): Promise<TlsSettings> {
  const origin = { folder, path: folder, registry: "" };
  const read = (ending: string): readonly string[] => files.filter((file) => file.endsWith(ending));
  return {
    ca: await Promise.all(read(".crt").map((file) => pem(file, origin))),
    clients: await Promise.all(
      read(".cert").map(async (file) => ({
        cert: await pem(file, origin),
        key: await pem(file.replace(/\.cert$/, ".key"), origin),
      })),
    ),
    verify: true,
  };
}

async function clientsOf(value: TomlValue, origin: Origin): Promise<TlsSettings["clients"]> {
  const list = typeof value === "string" ? [value] : value;
  if (!Array.isArray(list)) throw invalid(origin, '"client" is no text, list of texts or list of pairs');
  return await Promise.all(
    (list as readonly TomlValue[]).map(async (item) => {
      const [cert, key = cert, ...rest] = textsOf(item, "client", origin);
      if (cert === undefined || key === undefined || rest.length > 0)
        throw invalid(origin, '"client" has a pair that is none');
      return { cert: await pem(cert, origin), key: await pem(key, origin) };
    }),
  );
}

async function pem(path: string, origin: Origin): Promise<string> {
  const full = resolve(origin.folder, path);
  try {
    return await readFile(full, "utf8");
  } catch (error) {
    throw invalid(origin, `${full} can not be read: ${messageOf(error)}`, error);
  }
}

function headersOf(value: TomlValue, origin: Origin): RegistryHost["headers"] {
  if (!(value instanceof Map)) throw invalid(origin, '"header" is no table');
  const headers: Record<string, readonly string[]> = {};
  for (const [name, values] of value as TomlTable) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) throw invalid(origin, `"${name}" is no name of a header`);
    headers[name] = textsOf(values, `header.${name}`, origin);
  }
  return headers;
}

/** k3s' extension of the format: `[host."…".rewrite]` with `"^library/(.*)" = "mirror/$1"`. */
function rewritesOf(value: TomlValue, origin: Origin): RegistryHost["rewrites"] {
  if (!(value instanceof Map)) throw invalid(origin, '"rewrite" is no table');
  return [...(value as TomlTable)].map(([pattern, replacement]) => {
    if (typeof replacement !== "string") throw invalid(origin, `rewrite."${pattern}" is no text`);
    try {
      return { pattern: new RegExp(pattern), replacement };
    } catch (error) {
      throw invalid(origin, `rewrite."${pattern}" is no regular expression`, error);
    }
  });
}

function textsOf(value: TomlValue, field: string, origin: Origin): readonly string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value) && value.every((one) => typeof one === "string")) return value;
  throw invalid(origin, `"${field}" is no text and no list of texts`);
}

function flagOf(table: TomlTable, field: string, origin: Origin): boolean {
  const value = table.get(field) ?? false;
  if (typeof value !== "boolean") throw invalid(origin, `"${field}" is neither true nor false`);
  return value;
}

function durationOf(value: TomlValue | undefined, origin: Origin): number {
  if (value === undefined) return CONNECT_TIMEOUT_MS;
  const [, number, unit] = (typeof value === "string" && /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(value)) || [];
  const ms = Number(number) * DURATION_UNITS_MS[unit ?? ""]!;
  if (!(ms > 0)) throw invalid(origin, '"dial_timeout" is no duration such as "5s"');
  return ms;
}

function checkKeys(table: TomlTable, known: readonly string[], where: string, origin: Origin): void {
  const unknown = [...table.keys()].find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw invalid(origin, `${where} has "${unknown}", which is not known; known are ${known.join(", ")}`);
}

function invalid({ path }: Origin, why: string, cause?: unknown): MinkeError {
  return new MinkeError("InvalidArgument", `Cannot read ${path}: ${why}`, {
    details: { file: path },
    ...(cause === undefined ? {} : { cause }),
  });
}
