/** `hostPath`: a path of the machine itself, checked or made by its type. Kubernetes: pkg/volume/hostpath. */
import { open, stat } from "node:fs/promises";
import type { Stats } from "node:fs";

import type { HostPathVolumeSource } from "../api/gen/types.ts";
import { MinkeError, errnoOf, messageOf } from "../base/errors.ts";
import { ensureFolder } from "../host/files.ts";

interface TypeCheck {
  readonly is: (info: Stats) => boolean;
  readonly noun: string;
}

const CHECKS: Readonly<Record<string, TypeCheck>> = {
  DirectoryOrCreate: { is: (info) => info.isDirectory(), noun: "a directory" },
  Directory: { is: (info) => info.isDirectory(), noun: "a directory" },
  FileOrCreate: { is: (info) => info.isFile(), noun: "a file" },
  File: { is: (info) => info.isFile(), noun: "a file" },
  Socket: { is: (info) => info.isSocket(), noun: "a socket file" },
  CharDevice: { is: (info) => info.isCharacterDevice(), noun: "a character device" },
  BlockDevice: { is: (info) => info.isBlockDevice(), noun: "a block device" },
};

/** Makes sure that the path is there and of its type; `field` names it in errors. */
export async function prepareHostPath(source: HostPathVolumeSource, field: string): Promise<void> {
  const { path, type = "" } = source;
  const info = await statOf(path, field);
  if (!info && (type === "" || type === "DirectoryOrCreate")) return await create(path, "directory", field);
  if (!info && type === "FileOrCreate") return await create(path, "file", field);
  const check = CHECKS[type];
  if (!check || (info && check.is(info))) return;
  throw new MinkeError("FailedPrecondition", `hostPath type check failed: ${path} is not ${check.noun}`, {
    details: { field: `${field}.path`, path, type },
  });
}

async function statOf(path: string, field: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw failed(path, field, "look at", error);
  }
}

async function create(path: string, what: "directory" | "file", field: string): Promise<void> {
  try {
    if (what === "directory") await ensureFolder(path, 0o755);
    else await (await open(path, "a", 0o644)).close();
  } catch (error) {
    throw failed(path, field, `create ${what}`, error);
  }
}

function failed(path: string, field: string, action: string, cause: unknown): MinkeError {
  return new MinkeError(
    "FailedPrecondition",
    `Cannot ${action} ${path} of ${field}.path: ${messageOf(cause)}; use a path that the node can write, or make it by hand`,
    { cause, details: { field: `${field}.path`, path } },
  );
}
