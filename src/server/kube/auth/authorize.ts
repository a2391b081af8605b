/** Whether the user of a request may do what it asks. */
import { resourceNameOf } from "../../../api/resources.ts";
import { MinkeError } from "../../../base/errors.ts";
import { type Attributes, refusalText } from "./attributes.ts";
import { type Decision, decide, type RoleStore } from "./rbac.ts";
import type { User } from "./user.ts";

/** Throws 403 when not. */
export function authorize(store: RoleStore, user: User, attributes: Attributes): void {
  requireAllowed(decide(store, user, attributes), user, attributes);
}

/** Throws 403 when the decision is so, in the words of Kubernetes. */
export function requireAllowed({ allowed, reason }: Decision, user: User, attributes: Attributes): void {
  if (!allowed) throw forbidden(user, attributes, reason);
}

/** `pods "x" is forbidden: User "y" cannot get resource "pods" in API group "" in the namespace "default"` */
function forbidden(user: User, attributes: Attributes, reason: string): MinkeError {
  const why = refusalText(user.name, attributes) + (reason === "" ? "" : `: ${reason}`);
  if (attributes.type === "path") return new MinkeError("PermissionDenied", `forbidden: ${why}`);
  const { group, resource, name } = attributes;
  const called = resourceNameOf({ group, plural: resource });
  const what = name === "" ? called : `${called} "${name}"`;
  return new MinkeError("PermissionDenied", `${what} is forbidden: ${why}`, { details: { resource: called, name } });
}
