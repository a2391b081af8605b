/**
 * Credentials as docker writes them: the `auths` of `config.json`, of podman's `auth.json` and of Secrets of type
 * `kubernetes.io/dockerconfigjson`; a bare `.dockercfg` is the same map without the field around it. Pure.
 *
 * Which entry is for which image is Kubernetes' rule (pkg/credentialprovider/keyring.go): an entry names a host, where each
 * part between dots may be a glob, a port, and a path that the image's must start with. The longest come first.
 */
import { MinkeError } from "./errors.ts";

/** What proves who asks. Never logged. */
export interface DockerAuth {
  readonly username?: string;
  readonly password?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
  /** The Secret that it is from. */
  readonly secret?: SecretName;
}

export interface SecretName {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** One entry: `registry.example/team` and its credential. */
export interface DockerAuthEntry {
  readonly place: string;
  readonly auth: DockerAuth;
}

/** What docker calls Docker Hub in its files. */
export const DOCKER_HUB_KEY = "index.docker.io";
/** The user name that says that the password is an identity token. */
const TOKEN_USER = "<token>";

/**
 * Reads the entries of such a document. `what` names it in errors, which quote nothing of it. Rejects with `InvalidArgument`
 * when it is no JSON object or an entry can not be read.
 */
export function readDockerAuths(
  text: string,
  what: string,
  options: { readonly bare?: boolean } = {},
): DockerAuthEntry[] {
  const document = objectOf(parse(text, what));
  if (!document) throw unreadable(what, "it is no JSON object");
  const auths = options.bare === true ? document : objectOf(document["auths"] ?? {});
  if (!auths) throw unreadable(what, 'its "auths" is no object');
  return Object.entries(auths).flatMap(([key, value]) => {
    const auth = authOf(objectOf(value) ?? {}, `${what}, entry "${key}"`);
    // Docker leaves an empty entry where a credential helper keeps the secret.
    return Object.keys(auth).length === 0 ? [] : [{ place: placeOf(key), auth }];
  });
}

/** The credentials for a repository in normal form (`docker.io/library/nginx`), the most specific first. */
export function authsFor(entries: readonly DockerAuthEntry[], repository: string): readonly DockerAuth[] {
  const image = repository.replace(/^docker\.io\//, `${DOCKER_HUB_KEY}/`);
  return entries
    .filter(({ place }) => matches(place.replace(/^docker\.io(?=\/|$)/, DOCKER_HUB_KEY), image))
    .sort((a, b) => (a.place < b.place ? 1 : a.place > b.place ? -1 : 0))
    .map(({ auth }) => auth);
}

/** An entry's key without its scheme and API version: `https://index.docker.io/v1/` is `index.docker.io`. */
export function placeOf(key: string): string {
  return key
    .replace(/^https?:\/\//, "")
    .replace(/\/v[12](?=\/|$)/, "")
    .replace(/\/+$/, "");
}

function matches(place: string, image: string): boolean {
  const [glob, path] = cut(place);
  const [host, imagePath] = cut(image);
  if (!imagePath.startsWith(path)) return false;
  const globParts = glob.split(/[.:]/);
  const hostParts = host.split(/[.:]/);
  if (globParts.length !== hostParts.length || glob.includes(":") !== host.includes(":")) return false;
  return globParts.every((part, i) => globOf(part).test(hostParts[i]!));
}

function cut(place: string): [host: string, path: string] {
  const slash = place.indexOf("/");
  return slash < 0 ? [place, ""] : [place.slice(0, slash), place.slice(slash + 1)];
}

/** One part of a host name: `*` stands for any characters, `?` for one. */
function globOf(part: string): RegExp {
  const pattern = part
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${pattern}$`);
}

function authOf(entry: Readonly<Record<string, unknown>>, what: string): DockerAuth {
  const decoded = textOf(entry["auth"]);
  const plain = decoded === "" ? "" : Buffer.from(decoded, "base64").toString("utf8").replace(/\0+$/, "");
  const colon = plain.indexOf(":");
  if (decoded !== "" && colon < 0) throw unreadable(what, '"auth" is not the base64 of USER:PASSWORD');
  const username = textOf(entry["username"]) || (colon < 0 ? "" : plain.slice(0, colon));
  const password = textOf(entry["password"]) || (colon < 0 ? "" : plain.slice(colon + 1));
  const identityToken = textOf(entry["identitytoken"]) || (username === TOKEN_USER ? password : "");
  const registryToken = textOf(entry["registrytoken"]);
  return {
    ...(username === "" || username === TOKEN_USER ? {} : { username, password }),
    ...(identityToken === "" ? {} : { identityToken }),
    ...(registryToken === "" ? {} : { registryToken }),
  };
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's message quotes the text, and so perhaps a secret.
    throw unreadable(what, "it is no JSON");
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function unreadable(what: string, why: string): MinkeError {
  return new MinkeError("InvalidArgument", `Cannot read the credentials in ${what}: ${why}`);
}
