/** The files that a volume shows: of a ConfigMap, a Secret, the Pod itself, or of several of them together. */
import { fieldValue } from "../api/fields.ts";
import type {
  ConfigMap,
  ConfigMapVolumeSource,
  DownwardAPIVolumeFile,
  Pod,
  Secret,
  ServiceAccountTokenProjection,
  Volume,
  VolumeProjection,
} from "../api/gen/types.ts";
import { resourceFieldValue } from "../api/resource-field.ts";
import { MinkeError } from "../base/errors.ts";
import type { VolumeFile } from "./atomic-writer.ts";
import { configMapFiles } from "./config-map.ts";
import type { ObjectReader } from "./create-volume-manager.ts";
import { secretFiles } from "./secret.ts";
import type { TokenSource } from "./volume.ts";

const MODE_DEFAULT = 0o644;
/** Nobody but the Pod's own user reads a token, when it is known who that is. */
const TOKEN_MODE = 0o600;

export interface FileSources {
  readonly read: ObjectReader;
  /** undefined: this node hands out no tokens. */
  readonly token: TokenSource | undefined;
  /** For `resourceFieldRef` where a container has no limit. */
  readonly allocatable: Readonly<Record<string, string>>;
}

export interface ShownFiles {
  readonly files: readonly VolumeFile[];
  /** Whether they may touch a disk. */
  readonly medium: "disk" | "memory";
  /** When they should be read anew because time alone makes them old, milliseconds since the epoch. */
  readonly renewAtMs?: number;
}

/** Reads a file that the volume shows now, undefined when there is none. */
export type PresentFile = (path: string) => Promise<string | undefined>;

/** For a volume that {@link showsFiles}. Throws in the kubelet's words for what is not there. */
export async function filesOf(
  sources: FileSources,
  pod: Pod,
  volume: Volume,
  present: PresentFile,
): Promise<ShownFiles> {
  const namespace = pod.metadata.namespace ?? "";
  if (volume.configMap) {
    const object = sources.read("configmaps", namespace, volume.configMap.name ?? "") as ConfigMap | undefined;
    return { files: configMapFiles(volume.configMap, object), medium: "disk" };
  }
  if (volume.secret) {
    const object = sources.read("secrets", namespace, volume.secret.secretName ?? "") as Secret | undefined;
    return { files: secretFiles(volume.secret, object), medium: "memory" };
  }
  if (volume.downwardAPI) {
    const { items = [], defaultMode = MODE_DEFAULT } = volume.downwardAPI;
    return { files: items.map((item) => downwardFile(sources, pod, item, defaultMode)), medium: "memory" };
  }
  const { sources: projections = [], defaultMode = MODE_DEFAULT } = volume.projected ?? {};
  const shown = await Promise.all(projections.map((each) => project(sources, pod, each, { defaultMode, present })));
  const times = shown.flatMap(({ renewAtMs }) => (renewAtMs === undefined ? [] : [renewAtMs]));
  return {
    files: merged(shown.flatMap(({ files }) => files)),
    medium: "memory",
    ...(times.length > 0 && { renewAtMs: Math.min(...times) }),
  };
}

type Projected = Pick<ShownFiles, "files" | "renewAtMs">;

async function project(
  sources: FileSources,
  pod: Pod,
  projection: VolumeProjection,
  { defaultMode, present }: { readonly defaultMode: number; readonly present: PresentFile },
): Promise<Projected> {
  const namespace = pod.metadata.namespace ?? "";
  const { configMap, secret, downwardAPI, serviceAccountToken } = projection;
  if (configMap) {
    const object = sources.read("configmaps", namespace, configMap.name ?? "") as ConfigMap | undefined;
    const source: ConfigMapVolumeSource = { ...configMap, defaultMode };
    return { files: configMapFiles(source, object) };
  }
  if (secret) {
    const { name = "", items, optional } = secret;
    const object = sources.read("secrets", namespace, name) as Secret | undefined;
    const source = { secretName: name, ...(items && { items }), ...(optional && { optional }), defaultMode };
    return { files: secretFiles(source, object) };
  }
  if (downwardAPI) {
    return { files: (downwardAPI.items ?? []).map((item) => downwardFile(sources, pod, item, defaultMode)) };
  }
  if (serviceAccountToken) return await tokenFile(sources, pod, serviceAccountToken, { defaultMode, present });
  const [kind = "nothing"] = Object.keys(projection);
  throw new MinkeError(
    "Unimplemented",
    `Cannot project ${kind}: this node projects configMap, secret, downwardAPI and serviceAccountToken`,
  );
}

function downwardFile(
  { allocatable }: FileSources,
  pod: Pod,
  item: DownwardAPIVolumeFile,
  defaultMode: number,
): VolumeFile {
  const { path, mode = defaultMode, fieldRef, resourceFieldRef } = item;
  const text = fieldRef
    ? fieldValue(pod, fieldRef.fieldPath)
    : resourceFieldRef && resourceFieldValue(pod, resourceFieldRef, { allocatable });
  if (text !== undefined) return { path, content: Buffer.from(text), mode };
  const what = fieldRef?.fieldPath ?? resourceFieldRef?.resource ?? "";
  throw new MinkeError("InvalidArgument", `Cannot show ${path}: the Pod has no field ${what}`);
}

async function tokenFile(
  { token }: FileSources,
  pod: Pod,
  { audience = "", expirationSeconds = 3600, path }: ServiceAccountTokenProjection,
  { defaultMode, present }: { readonly defaultMode: number; readonly present: PresentFile },
): Promise<Projected> {
  if (!token) {
    throw new MinkeError("Unimplemented", "Cannot project serviceAccountToken: this node hands out no tokens");
  }
  const audiences = audience === "" ? [] : [audience];
  const issued = await token({ pod, audiences, expirationSeconds, present: await present(path) });
  const owner = commonUser(pod);
  const guarded = owner !== undefined || pod.spec?.securityContext?.fsGroup !== undefined;
  const file: VolumeFile = {
    path,
    content: Buffer.from(issued.token),
    mode: guarded ? TOKEN_MODE : defaultMode,
    ...(owner === undefined ? {} : { owner }),
  };
  return { files: [file], renewAtMs: issued.renewAtMs };
}

/** The user that every container of the Pod runs as, when it says so (Kubernetes: pkg/volume/util FsUserFrom). */
function commonUser({ spec }: Pod): number | undefined {
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const users = new Set(
    all.map(({ securityContext }) => securityContext?.runAsUser ?? spec?.securityContext?.runAsUser),
  );
  return users.size === 1 ? [...users][0] : undefined;
}

/** Of two files at one place the later source wins. */
function merged(files: readonly VolumeFile[]): VolumeFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}
