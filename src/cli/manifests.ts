/** Reads manifests: files, directories, `-` for standard input; several documents; `kind: List`. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf, messageOf, MinkeError } from "../base/errors.ts";
import type { KubeObject } from "../api/object.ts";
import { type Resource, resourceOfKind, RESOURCES } from "../api/resources.ts";
import { UsageError } from "./exit.ts";

export interface Manifest {
  readonly object: KubeObject;
  readonly type: Resource;
  /** The file it stands in; `STDIN` for standard input, as kubectl calls it. */
  readonly source: string;
  /** Where it stands: `pod.yaml:12`. */
  readonly place: string;
}

const STDIN = "standard input";

/** Largest manifest file, bytes. */
const FILE_MAX_BYTES = 64 * 1024 * 1024;

/** All objects of `files` in their order; of a directory its .yaml, .yml and .json files in order of their names. */
export async function readManifests(
  files: readonly string[],
  stdin: AsyncIterable<Uint8Array | string>,
  { mayBeEmpty = false }: { readonly mayBeEmpty?: boolean } = {},
): Promise<Manifest[]> {
  if (files.length === 0) throw new UsageError("no file was given; name files or directories, or - for standard input");
  const manifests: Manifest[] = [];
  for (const file of files) {
    for (const { source, text } of await textsOf(file, stdin)) manifests.push(...(await objectsOf(text, source)));
  }
  if (manifests.length === 0 && !mayBeEmpty)
    throw new MinkeError("InvalidArgument", `Cannot use ${files.join(", ")}: there is no object in it`);
  return manifests;
}

async function textsOf(
  file: string,
  stdin: AsyncIterable<Uint8Array | string>,
): Promise<{ readonly source: string; readonly text: string }[]> {
  if (file === "-") return [{ source: STDIN, text: await readStream(stdin) }];
  if (/^https?:\/\//.test(file)) {
    throw new UsageError(`cannot read ${file}: URLs are not supported; use 'curl -sL ${file} | minke … -'`);
  }
  const info = await stat(file).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  if (!info.isDirectory()) return [{ source: file, text: await readOne(file) }];
  const names = (await readdir(file)).filter((name) => /\.(yaml|yml|json)$/.test(name)).sort();
  if (names.length === 0)
    throw new MinkeError("InvalidArgument", `Cannot use ${file}: the directory has no .yaml, .yml or .json file`);
  return await Promise.all(
    names.map(async (name) => ({ source: join(file, name), text: await readOne(join(file, name)) })),
  );
}

async function readOne(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw unreadable(file, error);
  }
}

async function readStream(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > FILE_MAX_BYTES)
      throw new MinkeError(
        "ResourceExhausted",
        `Cannot read standard input: it is longer than ${FILE_MAX_BYTES} bytes`,
      );
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function objectsOf(text: string, source: string): Promise<Manifest[]> {
  const { parseManifests } = await import("../api/yaml.ts");
  return parseManifests(text, { source }).flatMap(({ object, line }) =>
    itemsOf(object).map((item) => ({
      ...manifestOf(item, `${source}:${line}`),
      source: source === STDIN ? "STDIN" : source,
    })),
  );
}

function itemsOf(object: unknown): unknown[] {
  const list = object as { kind?: unknown; items?: unknown };
  return typeof list?.kind === "string" && list.kind.endsWith("List") && Array.isArray(list.items)
    ? list.items
    : [object];
}

function manifestOf(value: unknown, place: string): Omit<Manifest, "source"> {
  const fail = (why: string): never => {
    throw new MinkeError("InvalidArgument", `Cannot use the object at ${place}: ${why}`);
  };
  if (typeof value !== "object" || value === null || Array.isArray(value)) return fail("it is not a map of fields");
  const object = value as KubeObject;
  if (typeof object.kind !== "string" || object.kind === "")
    return fail("kind is not set; write, for example, kind: Pod");
  if (typeof object.apiVersion !== "string") return fail("apiVersion is not set; write, for example, apiVersion: v1");
  const type = resourceOfKind(object.apiVersion, object.kind);
  if (!type) {
    const kinds = RESOURCES.map((one) => one.kind).join(", ");
    return fail(`no matches for kind "${object.kind}" in version "${object.apiVersion}"; a node has ${kinds} (all v1)`);
  }
  const name: unknown =
    object.metadata?.name ?? (object.metadata as { generateName?: unknown } | undefined)?.generateName;
  if (typeof name !== "string" || name === "") return fail("metadata.name is not set");
  return { object, type, place };
}

function unreadable(file: string, error: unknown): MinkeError {
  const errno = errnoOf(error);
  if (errno === "ENOENT") return new MinkeError("NotFound", `the path "${file}" does not exist`);
  const why = errno === "EACCES" ? "permission denied; make it readable for you, or use sudo" : messageOf(error);
  return new MinkeError("InvalidArgument", `Cannot read ${file}: ${why}`);
}

/**
 * The namespace of an object: its own, or that of the flag. As kubectl does it, both at once must agree.
 */
export function namespaceFor(manifest: Manifest, flag: string | undefined): string | undefined {
  if (!manifest.type.namespaced) return undefined;
  const own = manifest.object.metadata.namespace;
  if (own !== undefined && own !== "" && flag !== undefined && own !== flag) {
    throw new MinkeError(
      "InvalidArgument",
      `the namespace from the provided object "${own}" does not match the namespace "${flag}". You must pass '--namespace=${own}' to perform this operation.`,
    );
  }
  return own === undefined || own === "" ? (flag ?? "default") : own;
}
