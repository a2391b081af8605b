/**
 * May the asker, or somebody else, do this? `kubectl auth can-i`.
 * Kubernetes: pkg/registry/authorization/{selfsubjectaccessreview,subjectaccessreview,localsubjectaccessreview}.
 */
import { type FieldError, invalid, required } from "../../../../api/field-error.ts";
import type {
  ResourceAttributes as GivenAttributes,
  SelfSubjectAccessReview,
  SubjectAccessReview,
} from "../../../../api/gen/types.ts";
import type { KubeObject } from "../../../../api/object.ts";
import { badRequest, invalidObject } from "../../../../api/status.ts";
import { requireValue } from "../../body.ts";
import type { ResourceContext } from "../../context.ts";
import { decodeObject } from "../../objects/decode-object.ts";
import { sendObject } from "../../respond.ts";
import type { Attributes } from "../attributes.ts";
import { decide } from "../rbac.ts";
import type { User } from "../user.ts";

type Spec = SelfSubjectAccessReview["spec"];

export async function reviewOwnAccess(context: ResourceContext): Promise<void> {
  const review = decodeObject(context, await requireValue(context.request)) as SelfSubjectAccessReview;
  await answer(context, review, review.spec, context.user);
}

export async function reviewAccess(context: ResourceContext): Promise<void> {
  const review = decodeObject(context, await requireValue(context.request)) as SubjectAccessReview;
  await answer(context, review, review.spec, subjectOf(review));
}

/** As {@link reviewAccess}, within one namespace: for those who may ask only there. */
export async function reviewLocalAccess(context: ResourceContext): Promise<void> {
  const review = decodeObject(context, await requireValue(context.request)) as SubjectAccessReview;
  const { namespace } = context.info;
  const { namespace: own } = review.metadata;
  const { resourceAttributes, nonResourceAttributes } = review.spec;
  if (own && own !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (nonResourceAttributes || resourceAttributes?.namespace !== namespace) {
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  }
  await answer(context, { ...review, metadata: { ...review.metadata, namespace } }, review.spec, subjectOf(review));
}

async function answer(context: ResourceContext, review: KubeObject, spec: Spec, user: User | undefined): Promise<void> {
  const faults = [...validateSpec(spec, user)];
  if (faults.length > 0) throw invalidObject(`${review.kind}.${context.resource.group}`, "", faults);
  const { allowed, reason } = decide(context.node.store, user!, attributesOf(spec));
  await sendObject(context, 201, { ...review, status: { allowed, ...(reason === "" ? {} : { reason }) } });
}

function* validateSpec(
  { resourceAttributes, nonResourceAttributes }: Spec,
  user: User | undefined,
): Generator<FieldError> {
  if (resourceAttributes && nonResourceAttributes) {
    const why = "cannot be specified in combination with resourceAttributes";
    yield invalid("spec.nonResourceAttributes", nonResourceAttributes, why);
  }
  if (!resourceAttributes && !nonResourceAttributes) {
    const why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    yield invalid("spec.resourceAttributes", null, why);
  }
  if (!user) yield required("spec.user", "at least one of user or group must be specified");
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: Spec): Attributes {
  if (!resourceAttributes) {
    return { type: "path", verb: nonResourceAttributes?.verb ?? "", path: nonResourceAttributes?.path ?? "" };
  }
  const blank = { verb: "", group: "", version: "", resource: "", subresource: "", namespace: "", name: "" };
  const { labelSelector: _labels, fieldSelector: _fields, ...given }: GivenAttributes = resourceAttributes;
  return { type: "resource", ...blank, ...given };
}

function subjectOf({ spec }: SubjectAccessReview): User | undefined {
  const { user = "", groups = [], uid, extra } = spec;
  if (user === "" && groups.length === 0) return undefined;
  return { name: user, groups, ...(uid === undefined ? {} : { uid }), ...(extra ? { extra } : {}) };
}
