/** `history`: how an image came to be, newest step first, as its configuration tells (OCI image specification, config.md). */
import { readFile } from "node:fs/promises";

import { asObject, readObject, textOf } from "../../oci/image-format.ts";
import type { HistoryStep } from "../image.ts";
import type { Content } from "./content.ts";
import { notFound } from "./not-found.ts";

export async function imageHistory(content: Content, reference: string): Promise<readonly HistoryStep[]> {
  const image = content.catalog.find(reference);
  if (!image) throw notFound("tell the history of", reference);
  const { manifest } = content.catalog.manifestOf(image);
  const { digest } = manifest.config;
  const document = readObject(await readFile(content.paths.blob(digest), "utf8"), `configuration ${digest}`);
  const told = Array.isArray(document["history"]) ? document["history"].map((one) => asObject(one) ?? {}) : [];
  const layers = [...manifest.layers];
  const steps = told.map((step) => {
    const layer = step["empty_layer"] === true ? undefined : layers.shift();
    return stepOf(step, layer);
  });
  // What the configuration says nothing of is there all the same.
  return [...steps, ...layers.map((layer) => stepOf({}, layer))].toReversed();
}

function stepOf(
  step: Readonly<Record<string, unknown>>,
  layer: { readonly digest: string; readonly size: number } | undefined,
): HistoryStep {
  const createdMs = Date.parse(textOf(step["created"]));
  return {
    createdMs: Number.isNaN(createdMs) ? 0 : Math.max(0, createdMs),
    createdBy: textOf(step["created_by"]),
    comment: textOf(step["comment"]),
    sizeBytes: layer?.size ?? 0,
    ...(layer ? { layer: layer.digest } : {}),
  };
}
