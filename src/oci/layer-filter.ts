/**
 * Rewrites the tar stream of an image layer into one that GNU tar can unpack as a lower directory of an overlay, and that
 * cannot write outside the directory it is unpacked in, whatever the layer says:
 *
 * - Names are resolved inside the layer ({@link LayerTree}) and written out again without symlinks, `..` or a leading
 *   slash. Only checked fields go out: names that tar would read from elsewhere (PAX records, prefixes) are dropped.
 * - Symlinks go out last. While files are written, the directory holds no symlink of this layer at all, so there is
 *   nothing to write through, even if the resolving were wrong.
 * - `.wh.NAME` becomes a character device 0/0, `.wh..wh..opq` the attribute `trusted.overlay.opaque=y` of its directory
 *   (OCI image specification, layer.md; Linux, filesystems/overlayfs). They go out last too: a layer that both removes and
 *   makes a name means a new one. Attributes `trusted.overlay.*` of the layer's own are dropped: they would steer the overlay.
 * - Device nodes stay, as in containerd: the container's device cgroup decides who may open them.
 *
 * Pure: bytes in, bytes out.
 */
import { MinkeError } from "../base/errors.ts";
import { LayerTree, hostile, parentOf } from "./layer-tree.ts";
import {
  BLOCK_BYTES,
  BLOCK_DEVICE,
  CHARACTER_DEVICE,
  DIRECTORY,
  FIFO,
  FILE,
  GNU_LONG_LINK,
  GNU_LONG_NAME,
  HARD_LINK,
  PAX,
  SYMLINK,
  blankHeader,
  padding,
  writeHeader,
  writePaxRecords,
} from "./tar/header.ts";
import { type TarEntry, TarParser, type TarSink } from "./tar/parser.ts";

export interface LayerLimits {
  /** Files, directories and links of one layer. */
  readonly entries: number;
  /** Bytes of the uncompressed tar stream of one layer: what stops a bomb of zeros. */
  readonly bytes: number;
}

export const LAYER_LIMITS: LayerLimits = { entries: 2_000_000, bytes: 64 * 1024 ** 3 };

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
const AUFS_INTERNAL = ".wh..wh.";
const OPAQUE_RECORD = new Map([["SCHILY.xattr.trusted.overlay.opaque", Buffer.from("y")]]);
const XATTR = "SCHILY.xattr.";
/** Extended attributes that belong to the overlay file system itself. */
const OVERLAY_XATTRS = [`${XATTR}trusted.overlay.`, `${XATTR}user.overlay.`];
/** Records that replace a number of the header, and what they may look like. */
const NUMBER_RECORDS = new Map([
  ["uid", /^\d{1,10}$/],
  ["gid", /^\d{1,10}$/],
  ["mtime", /^-?\d{1,12}(\.\d{1,20})?$/],
]);

interface Kept {
  readonly block: Buffer;
  readonly records: ReadonlyMap<string, Buffer>;
}

export class LayerFilter implements TarSink {
  readonly #parser = new TarParser(this);
  readonly #limits: LayerLimits;
  readonly #tree = new LayerTree();
  readonly #directories = new Map<string, Kept>();
  readonly #symlinks = new Map<string, Kept & { readonly target: string }>();
  readonly #whiteouts = new Set<string>();
  readonly #opaque = new Set<string>();
  #out: Buffer[] = [];
  #bytesIn = 0;
  #bytesOfFiles = 0;
  /** Size of the file whose body is passing; undefined while a body is dropped. */
  #passing: number | undefined;

  constructor(limits: LayerLimits = LAYER_LIMITS) {
    this.#limits = limits;
  }

  /** Bytes of the files, and number of files, directories and links, that the layer makes. */
  get usage(): { readonly bytes: number; readonly inodes: number } {
    return { bytes: this.#bytesOfFiles, inodes: this.#tree.size + this.#whiteouts.size };
  }

  /** Whether the archive's end mark has been seen. */
  get ended(): boolean {
    return this.#parser.ended;
  }

  /** Takes a piece of the layer's tar stream; returns what goes to tar. */
  push(chunk: Uint8Array): readonly Buffer[] {
    this.#bytesIn += chunk.byteLength;
    if (this.#bytesIn > this.#limits.bytes) {
      throw new MinkeError(
        "ResourceExhausted",
        `Cannot unpack the layer: it has more than ${this.#limits.bytes} bytes uncompressed, the limit for one layer`,
      );
    }
    this.#parser.push(chunk);
    return this.#drain();
  }

  /** The stream is over: returns the rest. Throws when it stopped in the middle of an entry. */
  end(): readonly Buffer[] {
    this.#parser.end();
    for (const path of this.#whiteouts) this.#emitWhiteout(path);
    for (const path of this.#opaque) this.#emitOpaque(path);
    for (const [path, link] of this.#symlinks) {
      this.#emit({ name: path, type: SYMLINK, linkName: link.target }, link);
    }
    this.#out.push(Buffer.alloc(2 * BLOCK_BYTES));
    return this.#drain();
  }

  entry(entry: TarEntry): void {
    this.#passing = undefined;
    const path = this.#tree.resolve(entry.name);
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (name.startsWith(WHITEOUT)) this.#noteWhiteout(entry, path, name);
    else this.#noteEntry(entry, path);
    if (this.#tree.size + this.#whiteouts.size > this.#limits.entries) {
      throw new MinkeError(
        "ResourceExhausted",
        `Cannot unpack the layer: it has more than ${this.#limits.entries} entries, the limit for one layer`,
      );
    }
  }

  body(piece: Buffer): void {
    if (this.#passing !== undefined) this.#out.push(piece);
  }

  close(): void {
    if (this.#passing !== undefined) this.#out.push(padding(this.#passing));
    this.#passing = undefined;
  }

  #noteWhiteout(entry: TarEntry, path: string, name: string): void {
    const parent = parentOf(path);
    if (name === OPAQUE) {
      this.#makeParents(path, entry);
      this.#opaque.add(parent);
      return;
    }
    if (name.startsWith(AUFS_INTERNAL)) return;
    const hidden = name.slice(WHITEOUT.length);
    if (hidden === "" || hidden === "." || hidden === "..") throw hostile(entry.name, "it hides no name");
    this.#makeParents(path, entry);
    this.#whiteouts.add(parent === "" ? hidden : `${parent}/${hidden}`);
  }

  #noteEntry(entry: TarEntry, path: string): void {
    const before = this.#tree.kindOf(path);
    const records = keptRecords(entry);
    if (path === "" && entry.type !== DIRECTORY) throw hostile(entry.name, "the layer's root is no directory");
    if (before === "directory" && entry.type !== DIRECTORY) throw hostile(entry.name, "it replaces a directory");
    this.#makeParents(path, entry);
    if (before === "symlink") this.#symlinks.delete(path);
    switch (entry.type) {
      case DIRECTORY:
        this.#tree.add(path, "directory");
        this.#directories.set(path, { block: Buffer.from(entry.block), records });
        this.#emit({ name: path, type: DIRECTORY }, { block: entry.block, records });
        return;
      case SYMLINK:
        this.#addSymlink(path, entry, { block: Buffer.from(entry.block), records, target: entry.linkName });
        return;
      case HARD_LINK:
        this.#hardLink(path, entry, records);
        return;
      case FILE:
      case FIFO:
      case CHARACTER_DEVICE:
      case BLOCK_DEVICE:
        this.#refuseSparse(entry);
        this.#tree.add(path, "other");
        this.#passing = entry.size;
        this.#bytesOfFiles += entry.size;
        this.#emit({ name: path, type: entry.type, size: entry.size }, { block: entry.block, records });
        return;
      default:
        throw hostile(
          entry.name,
          `its type "${entry.type}" is not known; make the archive with tar --format=pax, without --sparse`,
        );
    }
  }

  #addSymlink(path: string, entry: TarEntry, link: Kept & { readonly target: string }): void {
    if (link.target === "" || link.target.includes("\0")) throw hostile(entry.name, "it is a symbolic link to no name");
    this.#tree.add(path, "symlink", link.target);
    this.#symlinks.set(path, link);
  }

  #hardLink(path: string, entry: TarEntry, records: ReadonlyMap<string, Buffer>): void {
    const target = this.#tree.resolve(entry.linkName);
    if (target === path) return;
    const symlink = this.#symlinks.get(target);
    if (symlink) {
      // The symlink is written later than this; a copy of it is the same to everyone but `ls -i`.
      this.#addSymlink(path, entry, symlink);
      return;
    }
    if (this.#tree.kindOf(target) !== "other") throw hostile(entry.name, "it is a hard link to no file of this layer");
    this.#tree.add(path, "other");
    this.#emit({ name: path, type: HARD_LINK, linkName: target }, { block: entry.block, records });
  }

  #refuseSparse(entry: TarEntry): void {
    for (const key of entry.records.keys()) {
      if (key.startsWith("GNU.sparse."))
        throw hostile(entry.name, "it is a sparse file; make the archive without --sparse");
    }
  }

  /** Directories that the layer implies are made as Docker makes them: root's, 0755, with the time of what is in them. */
  #makeParents(path: string, entry: TarEntry): void {
    if (this.#tree.kindOf(parentOf(path)) === "directory") return;
    for (const parent of this.#tree.missingParents(path)) {
      const block = blankHeader(0o755);
      entry.block.copy(block, 136, 136, 148);
      this.#tree.add(parent, "directory");
      this.#directories.set(parent, { block, records: new Map() });
      this.#emit({ name: parent, type: DIRECTORY }, { block, records: new Map() });
    }
    if (this.#tree.kindOf(parentOf(path)) !== "directory") throw hostile(entry.name, "what holds it is no directory");
  }

  #emitWhiteout(path: string): void {
    const kind = this.#tree.kindOf(path);
    if (kind === "directory") this.#opaque.add(path);
    else if (kind === undefined) {
      this.#emit({ name: path, type: CHARACTER_DEVICE }, { block: blankHeader(0), records: new Map() });
    }
  }

  /** The directory once more, now with the attribute. */
  #emitOpaque(path: string): void {
    const { block, records } = this.#directories.get(path) ?? { block: blankHeader(0o755), records: new Map() };
    this.#emit({ name: path, type: DIRECTORY }, { block, records: new Map([...records, ...OPAQUE_RECORD]) });
  }

  #emit(change: { name: string; type: string; linkName?: string; size?: number }, kept: Kept): void {
    const name = change.name === "" ? "./" : `./${change.name}`;
    const linkName =
      change.linkName !== undefined && change.type === HARD_LINK ? `./${change.linkName}` : change.linkName;
    if (kept.records.size > 0) this.#emitExtension(PAX, writePaxRecords(kept.records));
    if (name.length > 100) this.#emitExtension(GNU_LONG_NAME, Buffer.from(`${name}\0`, "latin1"));
    if (linkName !== undefined && linkName.length > 100) {
      this.#emitExtension(GNU_LONG_LINK, Buffer.from(`${linkName}\0`, "latin1"));
    }
    this.#out.push(writeHeader(kept.block, { ...change, name, ...(linkName === undefined ? {} : { linkName }) }));
  }

  #emitExtension(type: string, body: Buffer): void {
    const header = writeHeader(blankHeader(0o644), { name: "././@LongLink", type, size: body.length });
    this.#out.push(header, body, padding(body.length));
  }

  #drain(): readonly Buffer[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }
}

/** The extended records that may pass: owner, time, and extended attributes that are not the overlay's own. */
function keptRecords(entry: TarEntry): ReadonlyMap<string, Buffer> {
  if (entry.records.size === 0) return entry.records;
  const kept = new Map<string, Buffer>();
  for (const [key, value] of entry.records) {
    const pattern = NUMBER_RECORDS.get(key);
    if (pattern && !pattern.test(value.toString("latin1")))
      throw hostile(entry.name, `its record "${key}" is malformed`);
    const isAttribute = key.startsWith(XATTR) && !OVERLAY_XATTRS.some((prefix) => key.startsWith(prefix));
    if (pattern || isAttribute) kept.set(key, value);
  }
  return kept;
}
