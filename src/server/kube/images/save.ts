import { pipeline } from "node:stream/promises";

import { badRequest } from "../../../api/status.ts";
import type { ArchiveFormat } from "../../../runtime/image.ts";
import type { RequestContext } from "../context.ts";
import { startStream } from "../respond.ts";
import { requireQuery } from "./query.ts";
import { imageNotFound } from "./show.ts";

const FORMATS: readonly ArchiveFormat[] = ["oci-archive", "docker-archive"];

/** Writes an image as an archive. A failure on the way cuts the connection, so that a torn archive is never taken for whole. */
export async function saveImage(context: RequestContext): Promise<void> {
  const { node, query, signal } = context;
  const reference = requireQuery(context, "reference");
  const asked = query.get("format") ?? "oci-archive";
  const format = FORMATS.find((each) => each === asked);
  if (!format) throw badRequest(`format: Unsupported value: "${asked}": supported values: "${FORMATS.join('", "')}"`);
  if (!(await node.images.status(reference))) throw imageNotFound(reference);
  await pipeline(node.images.save(reference, format), startStream(context, "application/x-tar"), { signal });
}
