import type { RequestContext } from "../context.ts";
import { sendText } from "../respond.ts";

/** GET /healthz, /livez, /readyz: the socket exists only while the node serves, so an answer is the answer. */
export function health(context: RequestContext): void {
  const name = context.path.replace(/^\/|\/+$/g, "");
  sendText(context, 200, context.query.has("verbose") ? `[+]ping ok\n${name} check passed\n` : "ok");
}
