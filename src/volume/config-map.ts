/** `configMap`: the keys of a ConfigMap as files, on disk. Kubernetes: pkg/volume/configmap. */
import type { ConfigMap, ConfigMapVolumeSource } from "../api/gen/types.ts";
import { MinkeError } from "../base/errors.ts";
import type { VolumeFile } from "./atomic-writer.ts";
import { keyFiles } from "./key-files.ts";

/** The files that the volume shall hold. `object` is undefined when there is no such ConfigMap. */
export function configMapFiles(source: ConfigMapVolumeSource, object: ConfigMap | undefined): readonly VolumeFile[] {
  const optional = source.optional ?? false;
  if (!object) {
    if (optional) return [];
    throw new MinkeError("NotFound", `configmap "${source.name ?? ""}" not found`);
  }
  const data = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(object.data ?? {})) data.set(key, Buffer.from(text));
  for (const [key, base64] of Object.entries(object.binaryData ?? {})) data.set(key, Buffer.from(base64, "base64"));
  return keyFiles({
    data,
    items: source.items,
    defaultMode: source.defaultMode,
    optional,
    missing: "configmap references non-existent config key",
  });
}
