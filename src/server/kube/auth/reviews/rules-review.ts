/** `kubectl auth can-i --list`. Kubernetes: pkg/registry/authorization/selfsubjectrulesreview/rest.go. */
import type { SelfSubjectRulesReview } from "../../../../api/gen/types.ts";
import { badRequest } from "../../../../api/status.ts";
import { requireValue } from "../../body.ts";
import type { ResourceContext } from "../../context.ts";
import { decodeObject } from "../../objects/decode-object.ts";
import { sendObject } from "../../respond.ts";
import { aggregate, rulesOf } from "../rbac.ts";

export async function reviewOwnRules(context: ResourceContext): Promise<void> {
  const review = decodeObject(context, await requireValue(context.request)) as SelfSubjectRulesReview;
  const { namespace = "" } = review.spec;
  if (namespace === "") throw badRequest("no namespace on request");
  const { rules, errors } = rulesOf(context.node.store, context.user, namespace);
  const status = {
    resourceRules: rules.filter(({ resources }) => (resources ?? []).length > 0),
    nonResourceRules: rules.filter(({ nonResourceURLs }) => (nonResourceURLs ?? []).length > 0),
    incomplete: errors.length > 0,
    ...(errors.length > 0 ? { evaluationError: aggregate(errors) } : {}),
  };
  await sendObject(context, 201, { ...review, status });
}
