/** `kubectl auth whoami`. Kubernetes: pkg/registry/authentication/selfsubjectreview/rest.go. */
import { apiVersionOf } from "../../../../api/resources.ts";
import type { UserInfo } from "../../../../api/gen/types.ts";
import { rfc3339 } from "../../../../base/clock.ts";
import { requireValue } from "../../body.ts";
import type { ResourceContext } from "../../context.ts";
import { decodeObject } from "../../objects/decode-object.ts";
import { sendObject } from "../../respond.ts";
import type { User } from "../user.ts";

export async function reviewSelf(context: ResourceContext): Promise<void> {
  const { node, resource, user } = context;
  decodeObject(context, await requireValue(context.request));
  await sendObject(context, 201, {
    kind: resource.kind,
    apiVersion: apiVersionOf(resource),
    metadata: { creationTimestamp: rfc3339(node.clock.now()) },
    status: { userInfo: userInfoOf(user) },
  });
}

export function userInfoOf({ name, uid, groups, extra }: User): UserInfo {
  return { username: name, ...(uid === undefined ? {} : { uid }), groups, ...(extra ? { extra } : {}) };
}
