/** OpenID discovery of the service account issuer, for who checks tokens without asking. Kubernetes: pkg/routes/openidmetadata.go. */
import type { PathHandler, RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";
import { ISSUER } from "./service-account-tokens.ts";

const KEYS_PATH = "/openid/v1/jwks";

/** The handler of a path of these; undefined when it is none. */
export function issuerPath(path: string): PathHandler | undefined {
  if (path === "/.well-known/openid-configuration") return configuration;
  return path === KEYS_PATH ? keys : undefined;
}

function configuration(context: RequestContext): void {
  sendJson(context, 200, {
    issuer: ISSUER,
    jwks_uri: `${context.node.identity.serverUrl() ?? ISSUER}${KEYS_PATH}`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  });
}

function keys(context: RequestContext): void {
  sendJson(context, 200, context.node.tokens.jwks(), "application/jwk-set+json");
}
