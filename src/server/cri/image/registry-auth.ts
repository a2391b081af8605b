/** From an AuthConfig to who pulls. Nothing of it is in an error. */
import { placeOf } from "../../../base/docker-auths.ts";
import { MinkeError } from "../../../base/errors.ts";
import type { RegistryAuth } from "../../../runtime/image.ts";
import type { AuthConfig } from "../gen/runtime/v1/api_pb.ts";

/**
 * undefined when there is nothing to prove oneself by. With `server_address` it is for that registry's images only, as
 * containerd (ParseAuth) has it. Rejects with `InvalidArgument` when `auth` can not be read.
 */
export function registryAuth(config: AuthConfig | undefined): RegistryAuth | undefined {
  if (!config) return undefined;
  const proof = proofOf(config);
  return proof && { ...proof, ...(config.serverAddress === "" ? {} : { place: placeOf(config.serverAddress) }) };
}

function proofOf({
  username: name,
  password: secret,
  auth,
  identityToken,
  registryToken,
}: AuthConfig): RegistryAuth | undefined {
  if (registryToken !== "") return { registryToken };
  const [username, password] = name === "" ? decoded(auth) : [name, secret];
  if (identityToken !== "") return { identityToken, ...(username === "" ? {} : { username }) };
  return username === "" ? undefined : { username, password };
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
