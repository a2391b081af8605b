/** POST clientcertificates: what `minke kubeconfig` is made of. Nothing of it is stored. */
import { badRequest } from "../../../api/status.ts";
import { MinkeError } from "../../../base/errors.ts";
import { requireImpersonation } from "../auth/impersonation.ts";
import { MASTERS } from "../auth/user.ts";
import { readValue } from "../body.ts";
import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";

const DAY_S = 24 * 3600;
/** As kubeadm gives them. */
const LIFETIME_DEFAULT_S = 365 * DAY_S;
const LIFETIME_MAX_S = 3650 * DAY_S;
const LIFETIME_MIN_S = 600;

/** Answers with a new certificate for a user and groups that the caller could act as. */
export async function issueClientCertificate(context: RequestContext): Promise<void> {
  const { identity } = context.node;
  const { user, groups, lifetimeSeconds } = requestOf((await readValue(context.request))?.value ?? {});
  requireImpersonation(context, { name: user, groups });
  const server = identity.serverUrl();
  if (server === undefined) {
    throw new MinkeError(
      "FailedPrecondition",
      "Cannot make a client certificate: this node serves no HTTPS; start it with --listen 127.0.0.1:6443",
    );
  }
  const { certificate, key } = await identity.clientCertificate(user, groups, lifetimeSeconds * 1000);
  sendJson(context, 201, { user, groups, server, ca: await identity.ca(), certificate, key });
}

function requestOf(value: unknown): { user: string; groups: readonly string[]; lifetimeSeconds: number } {
  const {
    user = "admin",
    groups = [MASTERS],
    lifetimeSeconds = LIFETIME_DEFAULT_S,
  } = value as Readonly<Record<string, unknown>>;
  if (typeof user !== "string" || user === "") throw badRequest(`user: Invalid value: ${JSON.stringify(user)}`);
  const isGroup = (group: unknown): group is string => typeof group === "string" && group !== "";
  if (!Array.isArray(groups) || !groups.every(isGroup)) {
    throw badRequest(`groups: Invalid value: ${JSON.stringify(groups)}: must be a list of names`);
  }
  const seconds = Number(lifetimeSeconds);
  if (!Number.isSafeInteger(seconds) || seconds < LIFETIME_MIN_S || seconds > LIFETIME_MAX_S) {
    throw badRequest(
      `lifetimeSeconds: Invalid value: ${JSON.stringify(lifetimeSeconds)}: must be ${LIFETIME_MIN_S} to ${LIFETIME_MAX_S}`,
    );
  }
  return { user, groups, lifetimeSeconds: seconds };
}
