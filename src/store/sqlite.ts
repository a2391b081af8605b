/**
 * The store on disk: one SQLite file in WAL mode. A write is in the operating system's hands when it returns, whole or absent
 * after `kill -9` (synchronous=NORMAL); what SQLite would do next with FULL, an fdatasync of the WAL, is done for many writes
 * at once and beside the event loop. See docs/adr/0015-group-commit.md, sqlite.org/wal.html and sqlite.org/pragma.html.
 */
import { type FileHandle, open as openFile } from "node:fs/promises";
import { backup, DatabaseSync, type StatementSync } from "node:sqlite";
import type { KubeObject } from "../api/object.ts";
import { MinkeError } from "../base/errors.ts";
import type { Journal, StoredObject } from "./journal.ts";
import { explainOpenError, explainSyncError, explainWriteError } from "./sqlite-errors.ts";
import {
  HISTORY_MAX,
  type ObjectKey,
  type ResourceName,
  type Store,
  type StoreEvent,
  type StoreEventType,
} from "./store.ts";
import { VersionedStore } from "./versioned-store.ts";

/** Marks the file as ours in SQLite's header: "Mnke". */
const APPLICATION_ID = 0x4d6e6b65;
/** The schema below. A later one migrates from this number up. */
const SCHEMA_VERSION = 1;
/**
 * Resource versions are set aside on disk in blocks of this many, so that even a power cut that takes the last `async`
 * writes away does not make the store hand out a version twice.
 */
const VERSION_BLOCK = 1_000;
/** The history is cut back to its limit when it has grown by this share of it. */
const HISTORY_SLACK = 0.01;

/**
 * The WAL is brought into the database file when it has so many pages of 4 KiB, four times SQLite's default: that waits for
 * the disk, so it may happen to one write in a thousand and not in two hundred.
 */
const CHECKPOINT_PAGES = 4_000;

const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
  CREATE TABLE objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (resource, namespace, name)
  ) WITHOUT ROWID, STRICT;
  CREATE TABLE history (
    version INTEGER PRIMARY KEY, type TEXT NOT NULL, resource TEXT NOT NULL, body TEXT NOT NULL, previous TEXT
  ) STRICT;
  INSERT INTO meta VALUES ('reserved', 0), ('compacted', 0);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

export interface SqliteStoreOptions {
  /** Absolute path of the database file; its folder exists. `-wal` lies beside it. */
  readonly path: string;
  /** How many events a watch may reach back to. */
  readonly historyMax?: number;
}

/**
 * Opens or creates the store. Throws `FailedPrecondition` when the file is no store of ours, is damaged, was written by a
 * newer version, or is in use by another process; the message says what to do. Objects are read now, so damage among them
 * is found now; the history is left unread, since it can be large.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  const db = open(options.path);
  try {
    return new VersionedStore(new SqliteJournal(db, options.path, options.historyMax ?? HISTORY_MAX));
  } catch (error) {
    db.close();
    throw explainOpenError(options.path, error);
  }
}

function open(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { enableForeignKeyConstraints: false });
    // Exclusive: a second process on the same file would make the objects in memory stale. It also needs no -shm file.
    db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    prepareSchema(db, path);
    return db;
  } catch (error) {
    db?.close();
    throw explainOpenError(path, error);
  }
}

function prepareSchema(db: DatabaseSync, path: string): void {
  const id = pragma(db, "application_id");
  if (id === APPLICATION_ID) {
    const version = pragma(db, "user_version");
    if (version > SCHEMA_VERSION) {
      throw new MinkeError(
        "FailedPrecondition",
        `Cannot open the store ${path}: its schema version ${version} is newer than ${SCHEMA_VERSION}, the newest that this Minke knows; install the version of Minke that wrote it`,
      );
    }
    return;
  }
  const tables = db.prepare("SELECT count(*) AS count FROM sqlite_schema").get() as { count: number };
  if (id !== 0 || tables.count > 0) {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot open the store ${path}: it is the SQLite database of another program; move it away or choose another --root`,
    );
  }
  db.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`);
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0]);
}

class SqliteJournal implements Journal {
  readonly version: number;
  compacted: number;
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #historyMax: number;
  readonly #statements: ReturnType<typeof prepareStatements>;
  #last: number;
  #reserved: number;
  /** The WAL; SQLite locks the database file alone, so that opening and closing this one takes nothing from it. */
  #wal: Promise<FileHandle> | undefined;

  constructor(db: DatabaseSync, path: string, historyMax: number) {
    this.#db = db;
    this.#path = path;
    this.#historyMax = historyMax;
    this.#statements = prepareStatements(db);
    const meta = new Map(this.#statements.meta.all().map((row) => [row["key"] as string, row["value"] as number]));
    const history = this.#statements.last.get() as { last: number | null };
    this.compacted = meta.get("compacted")!;
    this.#reserved = meta.get("reserved")!;
    // A clean close gives the rest of the block back, so this differs from the last version only after a crash.
    this.version = Math.max(this.#reserved, history.last ?? 0);
    this.#last = this.version;
  }

  *load(): Generator<StoredObject> {
    for (const row of this.#statements.load.iterate()) {
      yield { resource: row["resource"] as string, object: JSON.parse(row["body"] as string) as KubeObject };
    }
  }

  commit(key: ObjectKey, event: StoreEvent, version: number): void {
    if (version > this.#reserved) this.#reserve(version + VERSION_BLOCK);
    const body = JSON.stringify(event.object);
    const { resource, namespace, name } = key;
    // By versions and not by rows, whose number SQLite would have to count; after a crash some versions have no row.
    const compact = version - this.compacted > this.#historyMax * (1 + HISTORY_SLACK);
    const compacted = compact ? version - this.#historyMax : this.compacted;
    this.#transaction(() => {
      this.#statements.record.run(version, event.type, resource, body, resource, namespace, name);
      if (event.type === "DELETED") this.#statements.remove.run(resource, namespace, name);
      else this.#statements.put.run(resource, namespace, name, body);
      if (compact) {
        this.#statements.drop.run(compacted);
        this.#statements.setMeta.run("compacted", compacted);
      }
    });
    this.#last = version;
    this.compacted = compacted;
  }

  /** On the disk before the first version of the block is told to anybody. */
  #reserve(version: number): void {
    try {
      this.#db.exec("PRAGMA synchronous = FULL");
      this.#statements.setMeta.run("reserved", version);
    } catch (error) {
      throw explainWriteError(this.#path, error);
    } finally {
      this.#db.exec("PRAGMA synchronous = NORMAL");
    }
    this.#reserved = version;
  }

  async sync(): Promise<void> {
    if (!this.#db.isOpen) return;
    try {
      await (await (this.#wal ??= openFile(`${this.#path}-wal`))).datasync();
    } catch (error) {
      throw explainSyncError(this.#path, error);
    }
  }

  async backup(file: string): Promise<void> {
    await backup(this.#db, file);
  }

  *after(resource: ResourceName, version: number): Generator<StoreEvent> {
    // All at once: a statement that is half read would hold up the writes of the listener.
    for (const row of this.#history(resource, version)) {
      yield {
        type: row["type"] as StoreEventType,
        resource,
        object: JSON.parse(row["body"] as string) as KubeObject,
        ...(row["previous"] === null ? {} : { previous: JSON.parse(row["previous"] as string) as KubeObject }),
        resourceVersion: String(row["version"]),
      };
    }
  }

  #history(resource: ResourceName, version: number): ReturnType<StatementSync["all"]> {
    try {
      return this.#statements.after.all(version, resource);
    } catch (error) {
      throw explainOpenError(this.#path, error);
    }
  }

  [Symbol.dispose](): void {
    if (!this.#db.isOpen) return;
    try {
      this.#statements.setMeta.run("reserved", this.#last);
    } finally {
      // Puts all that the WAL has into the database file, synced.
      this.#db.close();
      void this.#wal?.then((wal) => wal.close()).catch(() => {});
    }
  }

  #transaction(work: () => void): void {
    try {
      this.#db.exec("BEGIN IMMEDIATE");
      work();
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.isOpen && this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw explainWriteError(this.#path, error);
    }
  }
}

function prepareStatements(db: DatabaseSync) {
  const key = "resource = ? AND namespace = ? AND name = ?";
  return {
    meta: db.prepare("SELECT key, value FROM meta"),
    setMeta: db.prepare("INSERT OR REPLACE INTO meta VALUES (?, ?)"),
    load: db.prepare("SELECT resource, body FROM objects"),
    put: db.prepare("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)"),
    remove: db.prepare(`DELETE FROM objects WHERE ${key}`),
    // Before `put` and `remove`: the object that is there still is the previous one.
    record: db.prepare(`INSERT INTO history VALUES (?, ?, ?, ?, (SELECT body FROM objects WHERE ${key}))`),
    after: db.prepare(
      "SELECT version, type, body, previous FROM history WHERE version > ? AND resource = ? ORDER BY version",
    ),
    last: db.prepare("SELECT max(version) AS last FROM history"),
    drop: db.prepare("DELETE FROM history WHERE version <= ?"),
  };
}
