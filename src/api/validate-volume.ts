/** Volumes and their mounts. */
import { duplicate, type FieldError, forbidden, invalid, missing, oneOf, required } from "./field-error.ts";
import { VOLUME_FIELD_PATHS } from "./fields.ts";
import type {
  Container,
  DownwardAPIVolumeFile,
  HostPathVolumeSource,
  KeyToPath,
  Volume,
  VolumeMount,
} from "./gen/types.ts";
import { labelNameFaults } from "./names.ts";
import { compareQuantity } from "./quantity.ts";
import { validateFieldRef } from "./validate-env.ts";
import { faults } from "./validate-meta.ts";

const HOST_PATH_TYPES = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

export function* validateVolumes(volumes: readonly Volume[], path: string): Generator<FieldError> {
  const names = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    const at = `${path}[${index}]`;
    yield* validateSource(volume, at);
    if (!volume.name) yield required(`${at}.name`);
    else yield* faults(`${at}.name`, volume.name, labelNameFaults(volume.name));
    if (names.has(volume.name)) yield duplicate(`${at}.name`, volume.name);
    names.add(volume.name);
  }
}

function* validateSource(volume: Volume, path: string): Generator<FieldError> {
  const kinds = Object.keys(volume).filter((key) => key !== "name" && volume[key as keyof Volume] !== undefined);
  for (const kind of kinds.slice(1)) yield forbidden(`${path}.${kind}`, "may not specify more than 1 volume type");
  if (kinds.length === 0) yield required(path, "must specify a volume type");
  const { emptyDir, hostPath, configMap, secret, downwardAPI } = volume;
  if (emptyDir?.sizeLimit !== undefined && compareQuantity(emptyDir.sizeLimit, 0) < 0) {
    yield forbidden(`${path}.emptyDir.sizeLimit`, "SizeLimit field must be a valid resource quantity");
  }
  if (hostPath) yield* validateHostPath(hostPath, `${path}.hostPath`);
  if (configMap) {
    if (!configMap.name) yield required(`${path}.configMap.name`);
    yield* validateFiles(configMap.defaultMode, configMap.items ?? [], `${path}.configMap`);
  }
  if (secret) {
    if (!secret.secretName) yield required(`${path}.secret.secretName`);
    yield* validateFiles(secret.defaultMode, secret.items ?? [], `${path}.secret`);
  }
  if (downwardAPI) {
    yield* validateMode(downwardAPI.defaultMode, `${path}.downwardAPI.defaultMode`);
    for (const [index, file] of (downwardAPI.items ?? []).entries()) {
      yield* validateDownwardFile(file, `${path}.downwardAPI.items[${index}]`);
    }
  }
}

export function* validateHostPath(source: HostPathVolumeSource, path: string): Generator<FieldError> {
  if (!source.path) yield required(`${path}.path`);
  else yield* validateNoBacksteps(source.path, `${path}.path`);
  yield* oneOf(`${path}.type`, source.type ?? "", HOST_PATH_TYPES);
}

function* validateFiles(mode: number | undefined, items: readonly KeyToPath[], path: string): Generator<FieldError> {
  yield* validateMode(mode, `${path}.defaultMode`);
  for (const [index, item] of items.entries()) {
    const at = `${path}.items[${index}]`;
    if (!item.key) yield required(`${at}.key`);
    yield* validateFilePath(item.path, `${at}.path`);
    yield* validateMode(item.mode, `${at}.mode`);
  }
}

function* validateDownwardFile(file: DownwardAPIVolumeFile, path: string): Generator<FieldError> {
  yield* validateFilePath(file.path, `${path}.path`);
  yield* validateMode(file.mode, `${path}.mode`);
  if (file.fieldRef) yield* validateFieldRef(file.fieldRef, VOLUME_FIELD_PATHS, `${path}.fieldRef`);
  else if (!file.resourceFieldRef) yield required(path, "one of fieldRef and resourceFieldRef is required");
}

function validateMode(mode: number | undefined, path: string): FieldError[] {
  if (mode === undefined || (mode >= 0 && mode <= 0o777)) return [];
  return [invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive")];
}

function* validateFilePath(file: string | undefined, path: string): Generator<FieldError> {
  if (!file) {
    yield required(path);
    return;
  }
  yield* validateDescendingPath(file, path);
  if (file.startsWith("..") && !file.startsWith("../")) yield invalid(path, file, "must not start with '..'");
}

/** A path that stays inside what it is relative to. */
export function* validateDescendingPath(value: string, path: string): Generator<FieldError> {
  if (value.startsWith("/")) yield invalid(path, value, "must be a relative path");
  yield* validateNoBacksteps(value, path);
}

export function validateNoBacksteps(value: string, path: string): FieldError[] {
  return value.split("/").includes("..") ? [invalid(path, value, "must not contain '..'")] : [];
}

export function* validateVolumeMounts(
  container: Container,
  volumes: readonly Volume[],
  path: string,
): Generator<FieldError> {
  const paths = new Set<string>();
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const at = `${path}[${index}]`;
    const { name, mountPath } = mount;
    if (!name) yield required(`${at}.name`);
    if (!volumes.some((volume) => volume.name === name)) yield missing(`${at}.name`, name ?? "");
    if (!mountPath) yield required(`${at}.mountPath`);
    if (paths.has(mountPath)) yield invalid(`${at}.mountPath`, mountPath, "must be unique");
    paths.add(mountPath);
    if (mount.subPath) yield* validateDescendingPath(mount.subPath, `${at}.subPath`);
    if (mount.subPathExpr) {
      if (mount.subPath) {
        yield invalid(`${at}.subPathExpr`, mount.subPathExpr, "subPathExpr and subPath are mutually exclusive");
      }
      yield* validateDescendingPath(mount.subPathExpr, `${at}.subPathExpr`);
    }
    yield* validatePropagation(mount, container.securityContext?.privileged ?? false, at);
  }
}

function* validatePropagation(mount: VolumeMount, privileged: boolean, path: string): Generator<FieldError> {
  const { mountPropagation, recursiveReadOnly } = mount;
  if (mountPropagation !== undefined) {
    const at = `${path}.mountPropagation`;
    yield* oneOf(at, mountPropagation, ["Bidirectional", "HostToContainer", "None"]);
    if (mountPropagation === "Bidirectional" && !privileged) {
      yield forbidden(at, "Bidirectional mount propagation is available only to privileged containers");
    }
  }
  if (recursiveReadOnly === undefined || recursiveReadOnly === "Disabled") return;
  const at = `${path}.recursiveReadOnly`;
  yield* oneOf(at, recursiveReadOnly, ["Disabled", "Enabled", "IfPossible"]);
  if (!mount.readOnly) yield forbidden(at, "may only be specified when readOnly is true");
  if (mountPropagation !== undefined && mountPropagation !== "None") {
    yield forbidden(at, "may only be specified when mountPropagation is None or not specified");
  }
}
