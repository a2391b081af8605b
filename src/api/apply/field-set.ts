/**
 * A set of fields of an object: a tree whose nodes are path elements as `metadata.managedFields` writes them (FieldsV1).
 *
 * - `f:<name>`: a field of an object or a key of a map
 * - `k:{"name":"a"}`: the item of a list that has these keys
 * - `v:"x"`: the item of a list of scalars that is equal to it
 * - `i:0`: an item by its position; nothing here writes it
 *
 * That a node is a *member* means that the set has the field itself; a node can also be there only for what lies below it.
 * Kubernetes: structured-merge-diff fieldpath.
 */
import { MinkeError } from "../../base/errors.ts";
import { assign } from "../assign.ts";
import { isRecord } from "../record.ts";

export type Path = readonly string[];

/** Says in FieldsV1 that the node itself belongs to the set, when something below it does too. */
const SELF = ".";

export class FieldSet {
  readonly #members: Set<string>;
  readonly #children: Map<string, FieldSet>;

  constructor(members: Iterable<string> = [], children: Iterable<readonly [string, FieldSet]> = []) {
    this.#members = new Set(members);
    this.#children = new Map(children);
  }

  static of(...paths: readonly Path[]): FieldSet {
    const set = new FieldSet();
    for (const path of paths) set.insert(path);
    return set;
  }

  /** Reads FieldsV1. Throws `InvalidArgument` for what is none; elements of kinds that are not known are left out. */
  static fromJson(value: unknown): FieldSet {
    if (!isRecord(value)) throw new MinkeError("InvalidArgument", "fields must be an object");
    const set = new FieldSet();
    for (const [key, below] of Object.entries(value)) {
      const element = key === SELF ? undefined : canonical(key);
      if (element === undefined) continue;
      const child = FieldSet.fromJson(below);
      if (child.empty || Object.hasOwn(below as object, SELF)) set.#members.add(element);
      if (!child.empty) set.#children.set(element, child);
    }
    return set;
  }

  get empty(): boolean {
    return this.#members.size === 0 && [...this.#children.values()].every((child) => child.empty);
  }

  insert(path: Path): void {
    const [first, ...rest] = path;
    if (first === undefined) return;
    if (rest.length === 0) {
      this.#members.add(first);
      return;
    }
    let child = this.#children.get(first);
    if (!child) this.#children.set(first, (child = new FieldSet()));
    child.insert(rest);
  }

  has(path: Path): boolean {
    const [first, ...rest] = path;
    if (first === undefined) return false;
    return rest.length === 0 ? this.#members.has(first) : (this.#children.get(first)?.has(rest) ?? false);
  }

  hasMember(element: string): boolean {
    return this.#members.has(element);
  }

  /** What lies below an element; undefined when nothing does. */
  below(element: string): FieldSet | undefined {
    const child = this.#children.get(element);
    return child?.empty ? undefined : child;
  }

  union(other: FieldSet): FieldSet {
    const children = new Map(this.#children);
    for (const [element, child] of other.#children) {
      const own = children.get(element);
      children.set(element, own ? own.union(child) : child);
    }
    return new FieldSet([...this.#members, ...other.#members], children);
  }

  intersection(other: FieldSet): FieldSet {
    return this.#map(
      (element) => other.#members.has(element),
      (element, child) => child.intersection(other.#children.get(element) ?? EMPTY),
    );
  }

  /** Without the other's members. What lies below a member of the other stays, unless it is a member too. */
  difference(other: FieldSet): FieldSet {
    return this.#map(
      (element) => !other.#members.has(element),
      (element, child) => child.difference(other.#children.get(element) ?? EMPTY),
    );
  }

  /** What lies at or below the elements that `keep` names. */
  only(keep: (element: string) => boolean): FieldSet {
    return this.#map(keep, (element, child) => (keep(element) ? child : EMPTY));
  }

  /** With `members` and with children turned into others; for walks along a schema. */
  withNodes(members: (element: string) => boolean, change: (element: string, child: FieldSet) => FieldSet): FieldSet {
    const promoted = [...this.#children.keys()].filter(members);
    const children = [...this.#children].map(([element, child]) => [element, change(element, child)] as const);
    return new FieldSet([...this.#members, ...promoted], children);
  }

  /** All paths in the set, members before what lies below. */
  *paths(): Generator<Path> {
    for (const element of [...this.#members].sort(byElement)) yield [element];
    for (const [element, child] of [...this.#children].sort(([a], [b]) => byElement(a, b))) {
      for (const path of child.paths()) yield [element, ...path];
    }
  }

  /** As FieldsV1. */
  toJson(): Readonly<Record<string, unknown>> {
    const json: Record<string, unknown> = {};
    for (const element of [...new Set([...this.#members, ...this.#children.keys()])].sort(byElement)) {
      const below = this.below(element)?.toJson();
      if (!below) {
        if (this.#members.has(element)) assign(json, element, {});
      } else assign(json, element, this.#members.has(element) ? { [SELF]: {}, ...below } : below);
    }
    return json;
  }

  #map(keep: (element: string) => boolean, change: (element: string, child: FieldSet) => FieldSet): FieldSet {
    const children = [...this.#children].map(([element, child]) => [element, change(element, child)] as const);
    return new FieldSet(
      [...this.#members].filter(keep),
      children.filter(([, child]) => !child.empty),
    );
  }
}

const EMPTY = new FieldSet();

/** The order in which Kubernetes writes elements: fields, keys, values, positions. */
function byElement(a: string, b: string): number {
  const rank = (element: string): number => "fkvi".indexOf(element[0]!);
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** One spelling per element; undefined for a kind that nobody knows. */
function canonical(element: string): string | undefined {
  if (element.startsWith("f:")) return element;
  if (!/^[kvi]:/.test(element)) return undefined;
  try {
    const value: unknown = JSON.parse(element.slice(2));
    if (element.startsWith("k:") && isRecord(value)) return keyElement(Object.entries(value));
    if (element.startsWith("v:")) return valueElement(value);
    if (element.startsWith("i:") && Number.isInteger(value)) return `i:${String(value)}`;
  } catch {
    // Said below.
  }
  throw new MinkeError("InvalidArgument", `${JSON.stringify(element)} is no path element`);
}

export function keyElement(keys: readonly (readonly [string, unknown])[]): string {
  return `k:${JSON.stringify(Object.fromEntries(keys.toSorted(([a], [b]) => (a < b ? -1 : 1))))}`;
}

export function valueElement(value: unknown): string {
  return `v:${JSON.stringify(value)}`;
}

/** As messages write a path: `.spec.containers[name="a"].image`. */
export function pathText(path: Path): string {
  return path.map(elementText).join("");
}

export function elementText(element: string): string {
  const text = element.slice(2);
  if (element.startsWith("f:")) return `.${text}`;
  if (element.startsWith("v:")) return `[=${text}]`;
  if (!element.startsWith("k:")) return `[${text}]`;
  const keys = Object.entries(JSON.parse(text) as Record<string, unknown>);
  return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(",")}]`;
}
