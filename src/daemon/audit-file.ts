/**
 * The audit log's file: one line after the other, in the kernel's hands before the request is done, as kube-apiserver's in its
 * default mode `blocking`; or standard output. It is put aside when it has grown to its limit, under a name with the time as
 * lumberjack gives it (`audit-2026-11-25T23-59-08.123.log`), and the oldest of those go.
 */
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";

import type { Clock } from "../base/clock.ts";
import { messageOf, MinkeError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { AuditSink } from "../server/kube/audit/audit-trail.ts";

/** As kube-apiserver's `--audit-log-maxsize`, which lumberjack takes for 100 MB when it is not given. */
const FILE_MAX_BYTES = 100 * 1024 * 1024;
/** Files that were put aside and stay. kube-apiserver keeps all unless told; here a full disk takes the Pods with it. */
const BACKUPS_MAX = 10;
/** What waits for the reader of standard output; beyond it lines are lost. */
const STDOUT_WAITING_MAX_BYTES = 16 * 1024 * 1024;

export interface AuditFileOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly maxBytes?: number;
  readonly backupsMax?: number;
}

export interface OpenAuditLog extends AuditSink, Disposable {}

/** Opens the log at `path`; `-` is standard output. Throws `FailedPrecondition` when it can not be written. */
export function openAuditLog(path: string, options: AuditFileOptions): OpenAuditLog {
  return path === "-" ? new AuditOutput(options) : new AuditFile(resolve(path), options);
}

/** Counts, and tells of lost lines once until lines are written again. */
class Losses {
  readonly counts = { written: 0, lost: 0 };
  readonly #log: Logger;
  readonly #path: string;
  #failing = false;

  constructor(log: Logger, path: string) {
    this.#log = log;
    this.#path = path;
  }

  written(): void {
    this.counts.written++;
    if (!this.#failing) return;
    this.#failing = false;
    this.#log.warn({ path: this.#path, lost: this.counts.lost }, "The audit log is written again");
  }

  lost(error: unknown): void {
    this.counts.lost++;
    if (this.#failing) return;
    this.#failing = true;
    this.#log.error({ path: this.#path, error: messageOf(error) }, "The audit log can not be written; lines are lost");
  }
}

class AuditFile implements OpenAuditLog {
  readonly #path: string;
  readonly #options: AuditFileOptions;
  readonly #losses: Losses;
  #file: number;
  #bytes: number;
  /** Whether the last line stands there in part, because the disk was full. */
  #torn = false;

  constructor(path: string, options: AuditFileOptions) {
    this.#path = path;
    this.#options = options;
    this.#losses = new Losses(options.log, path);
    try {
      this.#file = openLog(path);
      this.#bytes = fstatSync(this.#file).size;
    } catch (error) {
      throw new MinkeError(
        "FailedPrecondition",
        `Cannot write the audit log ${path}: ${messageOf(error)}; name a file in a folder that is there with --audit-log`,
        { cause: error, details: { path } },
      );
    }
  }

  get counts(): AuditSink["counts"] {
    return this.#losses.counts;
  }

  write(line: string): void {
    const bytes = Buffer.from(`${this.#torn ? "\n" : ""}${line}\n`);
    try {
      if (this.#bytes > 0 && this.#bytes + bytes.length > (this.#options.maxBytes ?? FILE_MAX_BYTES)) this.#rotate();
      this.#append(bytes);
      this.#losses.written();
    } catch (error) {
      this.#losses.lost(error);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  #append(bytes: Buffer): void {
    for (let at = 0; at < bytes.length;) {
      const taken = writeSync(this.#file, bytes, at);
      at += taken;
      this.#bytes += taken;
      this.#torn = at < bytes.length;
    }
  }

  #rotate(): void {
    const { dir, stem, end } = partsOf(this.#path);
    const time = new Date(this.#options.clock.now()).toISOString().slice(0, -1).replaceAll(":", "-");
    // Somebody else may have put it aside.
    if (existsSync(this.#path)) renameSync(this.#path, join(dir, `${stem}-${time}${end}`));
    const next = openLog(this.#path);
    closeSync(this.#file);
    this.#file = next;
    this.#bytes = 0;
    this.#torn = false;
    const old = readdirSync(dir)
      .filter((name) => isBackup(name, stem, end))
      .toSorted();
    for (const name of old.slice(0, -(this.#options.backupsMax ?? BACKUPS_MAX))) rmSync(join(dir, name));
  }
}

/** 0600 whoever made it: it tells who does what. */
function openLog(path: string): number {
  const file = openSync(path, "a", 0o600);
  if (fstatSync(file).isFile()) chmodSync(path, 0o600);
  return file;
}

function partsOf(path: string): { readonly dir: string; readonly stem: string; readonly end: string } {
  const end = extname(path);
  return { dir: dirname(path), stem: basename(path, end), end };
}

function isBackup(name: string, stem: string, end: string): boolean {
  if (!name.startsWith(`${stem}-`) || !name.endsWith(end)) return false;
  return /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/.test(name.slice(stem.length + 1, name.length - end.length));
}

class AuditOutput implements OpenAuditLog {
  readonly #losses: Losses;
  readonly #failed = (error: Error): void => this.#losses.lost(error);

  constructor({ log }: AuditFileOptions) {
    this.#losses = new Losses(log, "standard output");
    process.stdout.on("error", this.#failed);
  }

  get counts(): AuditSink["counts"] {
    return this.#losses.counts;
  }

  write(line: string): void {
    const { stdout } = process;
    if (stdout.writableLength > STDOUT_WAITING_MAX_BYTES) return this.#losses.lost(new Error("nobody reads it"));
    stdout.write(`${line}\n`);
    this.#losses.written();
  }

  [Symbol.dispose](): void {
    process.stdout.off("error", this.#failed);
  }
}
