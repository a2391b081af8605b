/** What an operator does with the file of a store: look whether it is whole, copy it while it is in use, put a copy back. */
import { rename, rm, stat } from "node:fs/promises";
import { backup, DatabaseSync } from "node:sqlite";

import { decodeObject } from "../api/decode.ts";
import { resourceNameOf } from "../api/resources.ts";
import { errnoOf, messageOf, MinkeError } from "../base/errors.ts";
import { explainOpenError } from "./sqlite-errors.ts";
import { openSqliteStore } from "./sqlite.ts";

export interface StoreReport {
  /** What is wrong, one sentence each; empty when nothing is. */
  readonly problems: readonly string[];
  readonly objects: number;
  /** The version of the last write that the file has. */
  readonly resourceVersion: number;
  readonly bytes: number;
}

/** Problems that are told; a damaged file has thousands. */
const PROBLEMS_MAX = 20;

interface Row {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly body: string;
}

/**
 * Reads the whole file: SQLite's own check, every object and its version. Changes nothing. Throws `FailedPrecondition` when
 * it can not be opened, such as while a daemon holds it.
 */
export async function checkStore(path: string): Promise<StoreReport> {
  const { size: bytes } = await existing(path);
  const db = open(path);
  try {
    const problems = integrityProblems(db);
    if (problems.length > 0) return { problems, objects: 0, resourceVersion: 0, bytes };
    const last = db.prepare("SELECT max(version) AS last FROM history").get() as { last: number | null };
    const reserved = db.prepare("SELECT value FROM meta WHERE key = 'reserved'").get() as { value: number };
    const resourceVersion = Math.max(last.last ?? 0, reserved.value);
    let objects = 0;
    for (const row of db.prepare("SELECT resource, namespace, name, body FROM objects").iterate()) {
      objects++;
      if (problems.length < PROBLEMS_MAX) problems.push(...objectProblems(row as unknown as Row, resourceVersion));
    }
    return { problems, objects, resourceVersion, bytes };
  } catch (error) {
    throw explainOpenError(path, error);
  } finally {
    db.close();
  }
}

/**
 * Puts a copy in the place of the store at `path`, which nobody may have open. The copy is checked first; the old store
 * stays beside it. Versions go on above those of both, and whoever watched has to list again. Returns the old one's name;
 * undefined when there was none.
 */
export async function restoreStore(path: string, file: string, stamp: string): Promise<string | undefined> {
  const report = await checkStore(file);
  if (report.problems.length > 0) {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot restore the store from ${file}: ${report.problems[0]}; use another copy`,
    );
  }
  const source = open(file);
  const fresh = `${path}.restoring`;
  try {
    await removeDatabase(fresh);
    await backup(source, fresh);
  } finally {
    source.close();
  }
  // Opened as the daemon does, so that what it would refuse is refused here.
  openSqliteStore({ path: fresh })[Symbol.dispose]();
  setVersion(fresh, Math.max(report.resourceVersion, await versionOf(path)) + 1);
  const kept = (await exists(path)) ? `${path}.before-${stamp}` : undefined;
  if (kept !== undefined) await moveDatabase(path, kept);
  await moveDatabase(fresh, path);
  return kept;
}

/** The version of the last write of a store; 0 when there is none, or none that can be read. */
async function versionOf(path: string): Promise<number> {
  return await checkStore(path).then(
    ({ resourceVersion }) => resourceVersion,
    () => 0,
  );
}

function setVersion(path: string, version: number): void {
  const db = new DatabaseSync(path);
  try {
    db.prepare("UPDATE meta SET value = ? WHERE key IN ('reserved', 'compacted')").run(version);
  } finally {
    db.close();
  }
}

function integrityProblems(db: DatabaseSync): string[] {
  const rows = db.prepare(`PRAGMA integrity_check(${PROBLEMS_MAX})`).all();
  return rows.map((row) => String(Object.values(row)[0])).filter((text) => text !== "ok");
}

function objectProblems({ resource, namespace, name, body }: Row, highest: number): string[] {
  const called = `${resource} ${namespace === "" ? "" : `${namespace}/`}${name}`;
  try {
    const decoded = decodeObject(JSON.parse(body));
    const { metadata } = decoded.object;
    const version = Number(metadata.resourceVersion);
    const isPlaced =
      metadata.name === name &&
      (metadata.namespace ?? "") === namespace &&
      resourceNameOf(decoded.resource) === resource;
    if (!isPlaced) return [`${called}: the object says that it is another`];
    return version <= highest ? [] : [`${called}: its version ${version} is above the last one, ${highest}`];
  } catch (error) {
    return [`${called}: ${messageOf(error)}`];
  }
}

function open(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { readOnly: true, timeout: 0 });
  } catch (error) {
    throw explainOpenError(path, error);
  }
}

async function existing(path: string): Promise<{ readonly size: number }> {
  try {
    return await stat(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    throw new MinkeError("NotFound", `Cannot open the store ${path}: there is no such file`, { cause: error });
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

const PARTS = ["", "-wal", "-shm"];

async function moveDatabase(from: string, to: string): Promise<void> {
  for (const part of PARTS) if (await exists(from + part)) await rename(from + part, to + part);
}

async function removeDatabase(path: string): Promise<void> {
  for (const part of PARTS) await rm(path + part, { force: true });
}
