import { badRequest } from "../../../api/status.ts";
import type { RequestContext } from "../context.ts";

/** A query parameter that must be there. */
export function requireQuery({ query }: RequestContext, name: string): string {
  const value = query.get(name) ?? "";
  if (value === "") throw badRequest(`query parameter "${name}" is required`);
  return value;
}
