/** Reading and writing the small files of a cgroup. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf, MinkeError } from "../../base/errors.ts";
import { readIfExists } from "../files.ts";

/** One write to make: the file's name and what goes into it. */
export interface ControlWrite {
  readonly file: string;
  readonly value: string;
  /** The field of CgroupResources that asked for it, for the error message. */
  readonly field: string;
  /** Left out where the host has no such file. */
  readonly optional?: boolean;
}

/** Writes in order. A file that is not there means that the controller is missing. */
export async function writeControls(folder: string, writes: readonly ControlWrite[]): Promise<void> {
  for (const { file, value, field, optional } of writes) {
    const path = join(folder, file);
    try {
      await writeFile(path, value);
    } catch (error) {
      if (optional && isAbsent(error)) continue;
      throw controlError(path, value, field, error);
    }
  }
}

/** No file can be made in a cgroup: the kernel says "not permitted" of one that it does not have. */
function isAbsent(error: unknown): boolean {
  return ["ENOENT", "EACCES", "EPERM"].includes(errnoOf(error) ?? "");
}

function controlError(path: string, value: string, field: string, error: unknown): MinkeError {
  const errno = errnoOf(error);
  const missing = isAbsent(error);
  const why = missing
    ? "this host's cgroup controller for it is not there; see `minke doctor`"
    : errno === "EBUSY"
      ? "more than that is in use"
      : errno === "EINVAL"
        ? "the kernel refuses the value; a parent cgroup may allow less"
        : (errno ?? String(error));
  return new MinkeError(
    missing || errno === "EBUSY" ? "FailedPrecondition" : "InvalidArgument",
    `Cannot set ${field} to "${value}" in ${path}: ${why}`,
    { cause: error, details: { path, value, errno } },
  );
}

/** The text of a control file; undefined when it, or the cgroup, is not there. */
export async function readControl(folder: string, file: string): Promise<string | undefined> {
  try {
    return await readIfExists(join(folder, file));
  } catch (error) {
    // The cgroup went away between open and read; the kernel was told not to account pressure.
    if (["ENODEV", "EOPNOTSUPP"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}

/** A file with one number; undefined when absent, `max` or no number. */
export async function readNumber(folder: string, file: string): Promise<number | undefined> {
  const text = (await readControl(folder, file))?.trim();
  return text === undefined || !/^\d+$/.test(text) ? undefined : Number(text);
}

/** A file of `key value` lines; empty when absent. */
export async function readKeyed(folder: string, file: string): Promise<ReadonlyMap<string, number>> {
  return parseKeyed((await readControl(folder, file)) ?? "");
}

export function parseKeyed(text: string): ReadonlyMap<string, number> {
  const pairs = text.split("\n").map((line) => line.split(" "));
  return new Map(pairs.filter((pair) => pair.length === 2).map(([key, value]) => [key!, Number(value)]));
}

/** Whole words of a file such as cgroup.controllers. */
export async function readWords(path: string): Promise<string[]> {
  return (await readFile(path, "utf8")).split(/\s+/).filter((word) => word !== "");
}
