/** Whose token is this? For programs in Pods that other Pods call. Kubernetes: pkg/registry/authentication/tokenreview. */
import type { TokenReview } from "../../../../api/gen/types.ts";
import { badRequest } from "../../../../api/status.ts";
import { requireValue } from "../../body.ts";
import type { ResourceContext } from "../../context.ts";
import { decodeObject } from "../../objects/decode-object.ts";
import { sendObject } from "../../respond.ts";
import { userInfoOf } from "./self-subject-review.ts";

export async function reviewToken(context: ResourceContext): Promise<void> {
  const review = decodeObject(context, await requireValue(context.request)) as TokenReview;
  const { token, audiences = [] } = review.spec;
  if (token === "") throw badRequest("token is required for TokenReview in authentication");
  const identity = context.node.tokens.authenticate(token, audiences);
  const status = identity
    ? { authenticated: true, user: userInfoOf(identity.user), audiences: identity.audiences }
    : { error: "[invalid bearer token, Token has been invalidated]", user: {} };
  await sendObject(context, 201, { ...review, status });
}
