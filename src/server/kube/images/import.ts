import type { ImportOptions } from "../../../runtime/image.ts";
import type { RequestContext } from "../context.ts";
import { sendJson } from "../respond.ts";
import { requireQuery } from "./query.ts";

/** Makes an image of the tar stream in the body, which is never held in memory as a whole. */
export async function importImage(context: RequestContext): Promise<void> {
  const { node, query, request } = context;
  const all = (name: string): readonly string[] | undefined => (query.has(name) ? query.getAll(name) : undefined);
  const [entrypoint, cmd, env, ports] = [all("entrypoint"), all("cmd"), all("env"), all("port")];
  const [workingDir, user] = [query.get("workdir"), query.get("user")];
  const options: ImportOptions = {
    name: requireQuery(context, "name"),
    ...(entrypoint ? { entrypoint } : {}),
    ...(cmd ? { cmd } : {}),
    ...(env ? { env } : {}),
    ...(ports ? { ports } : {}),
    ...(workingDir === null ? {} : { workingDir }),
    ...(user === null ? {} : { user }),
  };
  sendJson(context, 201, await node.images.import(request as AsyncIterable<Uint8Array>, options));
}
