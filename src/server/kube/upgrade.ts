/** A request that leaves HTTP for a stream. */
import { badRequest } from "../../api/status.ts";
import type { Upgrade } from "../stream/upgrade.ts";
import type { RequestContext } from "./context.ts";

/** Throws for a request that does not ask for it. */
export function requireUpgrade({ request, response, upgrade }: RequestContext): Upgrade {
  if (!upgrade) throw badRequest("Upgrade request required");
  return { request, response, ...upgrade };
}
