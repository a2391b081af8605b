/** Logging in: a credential is shown to the registry first, and kept only when the registry takes it. */
import type { Clock } from "../../base/clock.ts";
import type { DockerAuth } from "../../base/docker-auths.ts";
import { refusal } from "./answer.ts";
import { Authorizer } from "./authorizer.ts";
import type { RegistryHost } from "./hosts.ts";
import type { Transport } from "./transport.ts";

/**
 * Asks for the API's root, which registries give to all whom they know (distribution's docs/spec/api.md, "API version check").
 * Rejects with `PermissionDenied` for a credential that is not taken, and as {@link Transport.send}.
 */
export async function checkLogin(
  transport: Transport,
  host: RegistryHost,
  clock: Clock,
  login: { readonly auth: DockerAuth; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { auth, signal } = login;
  const authorizer = new Authorizer(transport, host, clock, auth);
  const url = new URL(`${host.root}/`);
  for (let isSecond = false; ; isSecond = true) {
    const authorization = await authorizer.header("", signal);
    const headers = { ...host.headers, ...(authorization === undefined ? {} : { authorization }) };
    const response = await transport.send({ method: "GET", url, headers, signal }, host);
    if (response.status === 200) return void response.body.resume();
    const isAsked = response.status === 401 && response.url.host === url.host && !isSecond;
    if (!isAsked || !authorizer.learn(response, "", authorization)) throw await refusal(response, "log in");
    response.body.resume();
  }
}
