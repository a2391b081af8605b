import { badRequest } from "../../../api/status.ts";
import { readValue } from "../body.ts";
import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";
import { remoteOptions, requireQuery } from "./query.ts";

/** Keeps `{"username": …, "password": …}` for a registry, once the registry has taken it. */
export async function logInToRegistry(context: RequestContext): Promise<void> {
  const { node, request, signal } = context;
  const registry = requireQuery(context, "registry");
  const body = ((await readValue(request))?.value ?? {}) as Readonly<Record<string, unknown>>;
  const { username, password } = body;
  if (typeof username !== "string" || typeof password !== "string" || username === "" || username.includes(":")) {
    throw badRequest('the body must be {"username": …, "password": …}, both texts, and the username without a colon');
  }
  const options = { ...remoteOptions(context), signal };
  sendJson(context, 200, { keptIn: await node.images.login(registry, { username, password }, options) });
}
