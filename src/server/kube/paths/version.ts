import { KUBERNETES, KUBERNETES_VERSION } from "../../../base/version.ts";
import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";

/** GET /version, in the form that kubectl reads. */
export function version(context: RequestContext): void {
  sendJson(context, 200, {
    ...KUBERNETES,
    gitVersion: KUBERNETES_VERSION,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: process.version,
    compiler: "node",
    platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  });
}
