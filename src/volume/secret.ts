/** `secret`: the keys of a Secret as files, in memory only. Kubernetes: pkg/volume/secret. */
import type { Secret, SecretVolumeSource } from "../api/gen/types.ts";
import { MinkeError } from "../base/errors.ts";
import type { VolumeFile } from "./atomic-writer.ts";
import { keyFiles } from "./key-files.ts";

/** The files that the volume shall hold. `object` is undefined when there is no such Secret. */
export function secretFiles(source: SecretVolumeSource, object: Secret | undefined): readonly VolumeFile[] {
  const optional = source.optional ?? false;
  if (!object) {
    if (optional) return [];
    throw new MinkeError("NotFound", `secret "${source.secretName ?? ""}" not found`);
  }
  const data = new Map<string, Uint8Array>();
  for (const [key, base64] of Object.entries(object.data ?? {})) data.set(key, Buffer.from(base64, "base64"));
  return keyFiles({
    data,
    items: source.items,
    defaultMode: source.defaultMode,
    optional,
    missing: "references non-existent secret key",
  });
}
