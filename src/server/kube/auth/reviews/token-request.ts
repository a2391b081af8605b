/**
 * POST serviceaccounts/NAME/token: a new token, which is stored nowhere.
 * Kubernetes: pkg/registry/core/serviceaccount/storage/token.go.
 */
import { type FieldError, invalid } from "../../../../api/field-error.ts";
import type { BoundObjectReference, Pod, ServiceAccount, TokenRequest } from "../../../../api/gen/types.ts";
import type { KubeObject } from "../../../../api/object.ts";
import { NODES, PODS, resourceNameOf, SECRETS } from "../../../../api/resources.ts";
import { badRequest, conflict, invalidObject, notFound } from "../../../../api/status.ts";
import { rfc3339 } from "../../../../base/clock.ts";
import { requireValue } from "../../body.ts";
import type { ResourceContext } from "../../context.ts";
import { decodeDocument } from "../../objects/decode-object.ts";
import { storedObject } from "../../objects/get.ts";
import { sendObject } from "../../respond.ts";
import { ISSUER } from "../service-account-tokens.ts";

const API_VERSION = "authentication.k8s.io/v1";
const LIFETIME_DEFAULT_S = 3600;
const LIFETIME_MIN_S = 10 * 60;
const LIFETIME_MAX_S = 2 ** 32;

export async function requestToken(context: ResourceContext): Promise<void> {
  const { info, node } = context;
  const request = decodeDocument(context, await requireValue(context.request), {
    definition: "authentication.v1.TokenRequest",
    kind: "TokenRequest",
    apiVersions: [API_VERSION],
  }) as Partial<TokenRequest>;
  const { name, namespace } = request.metadata ?? {};
  if (name && name !== info.name) {
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${info.name})`);
  }
  if (namespace && namespace !== info.namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  const spec = request.spec ?? {};
  const { audiences = [], expirationSeconds = LIFETIME_DEFAULT_S, boundObjectRef } = spec;
  const faults = lifetimeFaults(expirationSeconds);
  if (faults.length > 0) throw invalidObject("TokenRequest", info.name, faults);
  const account = storedObject(context) as ServiceAccount;
  const bound = boundObjectRef && boundObject(context, boundObjectRef);
  const { token, expiresMs } = node.tokens.issue({
    account,
    audiences,
    lifetimeSeconds: expirationSeconds,
    ...(bound ? { boundTo: bound } : {}),
  });
  const object: TokenRequest = {
    apiVersion: API_VERSION,
    kind: "TokenRequest",
    metadata: {
      name: info.name,
      namespace: info.namespace,
      creationTimestamp: rfc3339(node.clock.now()),
    },
    spec: { ...spec, audiences: audiences.length === 0 ? [ISSUER] : audiences, expirationSeconds },
    status: { token, expirationTimestamp: rfc3339(expiresMs) },
  };
  await sendObject(context, 201, object);
}

function lifetimeFaults(seconds: number): FieldError[] {
  const path = "spec.expirationSeconds";
  if (seconds < LIFETIME_MIN_S) return [invalid(path, seconds, "may not specify a duration less than 10 minutes")];
  if (seconds > LIFETIME_MAX_S) return [invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")];
  return [];
}

/** What the token shall be bound to; it has to be there, and a Pod has to be of the account. */
function boundObject({ node, info }: ResourceContext, reference: BoundObjectReference): KubeObject {
  const { apiVersion = "", kind = "", name = "", uid = "" } = reference;
  const resource = apiVersion === "v1" ? [PODS, SECRETS, NODES].find((each) => each.kind === kind) : undefined;
  if (!resource) throw badRequest(`cannot bind token to object of type ${apiVersion}, Kind=${kind}`);
  const namespace = resource.namespaced ? info.namespace : "";
  const object = node.store.get({ resource: resourceNameOf(resource), namespace, name });
  if (!object) throw notFound(resource, name);
  if (uid !== "" && uid !== object.metadata.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict(resource, name, why);
  }
  if (resource === PODS && (object as Pod).spec?.serviceAccountName !== info.name) {
    throw badRequest(
      `cannot bind token for serviceaccount "${info.name}" to pod running with different serviceaccount name.`,
    );
  }
  return object;
}
