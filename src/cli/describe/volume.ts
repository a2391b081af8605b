/** The volumes of a Pod's description. */
import type { Volume, VolumeProjection } from "../../api/gen/types.ts";
import type { Description } from "./text.ts";

export function describeVolumes(out: Description, volumes: readonly Volume[]): void {
  if (volumes.length === 0) return void out.line(0, "Volumes:", "<none>");
  out.line(0, "Volumes:");
  for (const volume of volumes) {
    out.line(1, `${volume.name}:`);
    for (const [title, value] of linesOf(volume)) out.line(2, `${title}:`, value);
  }
}

function linesOf(volume: Volume): (readonly [string, string])[] {
  if (volume.emptyDir) {
    return [
      ["Type", "EmptyDir (a temporary directory that shares a pod's lifetime)"],
      ["Medium", volume.emptyDir.medium ?? ""],
      ["SizeLimit", volume.emptyDir.sizeLimit === undefined ? "<unset>" : String(volume.emptyDir.sizeLimit)],
    ];
  }
  if (volume.hostPath) {
    return [
      ["Type", "HostPath (bare host directory volume)"],
      ["Path", volume.hostPath.path],
      ["HostPathType", volume.hostPath.type ?? ""],
    ];
  }
  if (volume.configMap) {
    return [
      ["Type", "ConfigMap (a volume populated by a ConfigMap)"],
      ["Name", volume.configMap.name ?? ""],
      ["Optional", String(volume.configMap.optional === true)],
    ];
  }
  if (volume.secret) {
    return [
      ["Type", "Secret (a volume populated by a Secret)"],
      ["SecretName", volume.secret.secretName ?? ""],
      ["Optional", String(volume.secret.optional === true)],
    ];
  }
  if (volume.projected) {
    return [
      ["Type", "Projected (a volume that contains injected data from multiple sources)"],
      ...(volume.projected.sources ?? []).flatMap(linesOfSource),
    ];
  }
  const kind = Object.keys(volume).find((key) => key !== "name");
  return [["Type", kind ?? "<unknown>"]];
}

function linesOfSource(source: VolumeProjection): (readonly [string, string])[] {
  const { secret, configMap, downwardAPI, serviceAccountToken } = source;
  const optional = ["Optional", String((secret ?? configMap)?.optional === true)] as const;
  if (secret) return [["SecretName", secret.name ?? ""], optional];
  if (downwardAPI) return [["DownwardAPI", "true"]];
  if (configMap) return [["ConfigMapName", configMap.name ?? ""], optional];
  return serviceAccountToken ? [["TokenExpirationSeconds", String(serviceAccountToken.expirationSeconds ?? "")]] : [];
}
