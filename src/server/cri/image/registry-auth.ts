/** From an AuthConfig to who pulls. Nothing of it is in an error. */
import { MinkeError } from "../../../base/errors.ts";
import type { RegistryAuth } from "../../../runtime/image.ts";
import type { AuthConfig } from "../gen/runtime/v1/api_pb.ts";

/** Docker Hub under its names of registry and of credentials. */
const DOCKER_HUB: readonly string[] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/**
 * undefined when there is nothing to prove oneself by, or when it is meant for another server than the image's: containerd
 * (ParseAuth) then pulls anonymously, too. Rejects with `InvalidArgument` when `auth` can not be read.
 */
export function registryAuth(config: AuthConfig | undefined, reference: string): RegistryAuth | undefined {
  if (!config || !isFor(config.serverAddress, reference)) return undefined;
  const { identityToken, registryToken } = config;
  if (registryToken !== "") return { registryToken };
  const [username, password] = config.username === "" ? decoded(config.auth) : [config.username, config.password];
  if (identityToken !== "") return { identityToken, ...(username === "" ? {} : { username }) };
  return username === "" ? undefined : { username, password };
}

function isFor(serverAddress: string, reference: string): boolean {
  if (serverAddress === "") return true;
  const server = serverAddress.replace(/^https?:\/\//, "").split("/", 1)[0]!;
  const registry = registryOf(reference);
  return server === registry || (DOCKER_HUB.includes(server) && DOCKER_HUB.includes(registry));
}

/** What stands before the first slash, when it looks like a host. distribution/reference: splitDockerDomain. */
function registryOf(reference: string): string {
  const [first = "", rest] = reference.split("/", 2);
  return rest !== undefined && (/[.:]/.test(first) || first === "localhost") ? first : "docker.io";
}

/** Base64 of `username:password`; some clients pad it with zero bytes. */
function decoded(auth: string): readonly [username: string, password: string] {
  if (auth === "") return ["", ""];
  const text = Buffer.from(auth, "base64").toString("utf8").replace(/\0+$/, "");
  const colon = text.indexOf(":");
  if (colon > 0) return [text.slice(0, colon), text.slice(colon + 1)];
  throw new MinkeError("InvalidArgument", "Cannot use auth.auth: it must be the base64 of username:password", {
    details: { field: "auth.auth" },
  });
}
