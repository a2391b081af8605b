/**
 * What a layer has put where so far: the file tree that its entries make, kept in memory so that a name can be resolved as
 * inside a chroot without asking the disk. Paths are relative, without a leading slash; the layer's root is "".
 */
import { MinkeError } from "../base/errors.ts";

export type NodeKind = "directory" | "symlink" | "other";

/** As Linux has it (MAXSYMLINKS); more is a loop. */
const SYMLINKS_FOLLOWED_MAX = 40;
/** Bytes of a path, as Linux has it (PATH_MAX). */
export const PATH_BYTES_MAX = 4096;

export class LayerTree {
  readonly #kinds = new Map<string, NodeKind>([["", "directory"]]);
  readonly #targets = new Map<string, string>();

  get size(): number {
    return this.#kinds.size;
  }

  kindOf(path: string): NodeKind | undefined {
    return this.#kinds.get(path);
  }

  add(path: string, kind: NodeKind, linkTarget?: string): void {
    this.#kinds.set(path, kind);
    if (kind === "symlink") this.#targets.set(path, linkTarget ?? "");
    else if (this.#targets.size > 0) this.#targets.delete(path);
  }

  /** Directories above `path` that no entry has made yet, topmost first. */
  missingParents(path: string): readonly string[] {
    const missing: string[] = [];
    for (let parent = parentOf(path); parent !== "" && !this.#kinds.has(parent); parent = parentOf(parent)) {
      missing.unshift(parent);
    }
    return missing;
  }

  /**
   * Where an entry's name leads. Its parent directories are resolved through the symlinks of this layer as in a chroot:
   * absolute targets start at the layer's root, and `..` stops there. The last component is taken as it is. So the result
   * has no symlink above its last component, and cannot lead out of the layer. Throws for names with `..` or NUL.
   */
  resolve(name: string): string {
    const components = componentsOf(name);
    const last = components.pop();
    if (last === undefined) return "";
    if (this.#targets.size === 0) return components.length === 0 ? last : `${components.join("/")}/${last}`;
    const parent = this.#follow(components, name);
    return parent === "" ? last : `${parent}/${last}`;
  }

  #follow(components: readonly string[], name: string): string {
    const todo = components.toReversed();
    let at = "";
    let followed = 0;
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      if (next === "..") {
        at = parentOf(at);
        continue;
      }
      const path = at === "" ? next : `${at}/${next}`;
      const target = this.#targets.get(path);
      if (target === undefined) {
        at = path;
        continue;
      }
      if (++followed > SYMLINKS_FOLLOWED_MAX)
        throw hostile(name, "its parent directories are a loop of symbolic links");
      if (target.startsWith("/")) at = "";
      todo.push(
        ...target
          .split("/")
          .filter((part) => part !== "" && part !== ".")
          .toReversed(),
      );
    }
    return at;
  }
}

/** The directory that holds `path`; the root's is the root. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The refusal of an entry that no honest image has. */
export function hostile(name: string, why: string): MinkeError {
  const shown = Buffer.from(name, "latin1").toString("utf8").slice(0, 200);
  return new MinkeError("InvalidArgument", `Cannot unpack the layer: entry "${shown}": ${why}`, {
    details: { entry: shown },
  });
}

/** Absolute names are taken as relative to the layer, as containerd and Docker do; `..` has no honest use. */
function componentsOf(name: string): string[] {
  if (name.length > PATH_BYTES_MAX) throw hostile(name, `its name is longer than ${PATH_BYTES_MAX} bytes`);
  if (name.includes("\0")) throw hostile(name, "its name has a NUL byte");
  const components = name.split("/").filter((part) => part !== "" && part !== ".");
  if (components.includes("..")) throw hostile(name, 'its name has ".."');
  return components;
}
