import { badRequest } from "../../../api/status.ts";
import type { RequestContext } from "../context.ts";

/** A query parameter that must be there. */
export function requireQuery({ query }: RequestContext, name: string): string {
  const value = query.get(name) ?? "";
  if (value === "") throw badRequest(`query parameter "${name}" is required`);
  return value;
}

/** What a request says about the way to a registry: `tlsVerify=false`. */
export function remoteOptions({ query }: RequestContext): { readonly verifyTls?: boolean } {
  const text = query.get("tlsVerify");
  if (text === null) return {};
  if (text !== "true" && text !== "false") {
    throw badRequest(`query parameter "tlsVerify" is "${text}"; it must be true or false`);
  }
  return { verifyTls: text === "true" };
}
