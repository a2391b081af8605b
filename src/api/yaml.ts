/**
 * Manifests from YAML or JSON text, read as kubectl reads them: `0644` is octal, `yes` is true, `8:30` is text. Errors name
 * source, line and column. Import this module lazily: its parser takes some 20 ms to load.
 */
import {
  Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type ScalarTag,
  type Tags,
  visit,
} from "yaml";
import { messageOf, MinkeError } from "../base/errors.ts";
import { bytesOfBase64 } from "./base64.ts";
import { parsePath } from "./path.ts";

export interface Position {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface Manifest {
  /** Not decoded yet: an object with `apiVersion` and `kind`, nothing more is known. */
  readonly object: Readonly<Record<string, unknown>>;
  /** The file's name, or what else to call it in messages. */
  readonly source: string;
  readonly line: number;
  /** Where a field stands, such as `spec.containers[0].image`; the nearest one above it when it is absent. */
  positionOf(path: string): Position;
}

/** A larger text is refused. */
export const MANIFEST_MAX_CHARACTERS = 16 * 1024 * 1024;
/** How often aliases may be expanded in one document, nested ones multiplied. */
const ALIASES_MAX = 10_000;

const TEXT_IN_GO = [
  "tag:yaml.org,2002:timestamp",
  "tag:yaml.org,2002:omap",
  "tag:yaml.org,2002:pairs",
  "tag:yaml.org,2002:set",
];

const octal: ScalarTag = {
  tag: "tag:yaml.org,2002:int",
  default: true,
  format: "OCT",
  test: /^[-+]?0o[0-7_]+$/,
  resolve: (text) => Number(`0o${text.replace(/^[-+]?0o|_/g, "")}`) * (text.startsWith("-") ? -1 : 1),
};
/** Go makes a string of the bytes. */
const binary: ScalarTag = {
  tag: "tag:yaml.org,2002:binary",
  default: false,
  resolve: (text) => new TextDecoder().decode(bytesOfBase64(text.replace(/\s/g, ""))),
};

/** YAML 1.1 without what go-yaml leaves as text (sexagesimal numbers, times), and with 1.2's `0o`. */
function goYamlTags(tags: Tags): Tags {
  const kept = tags.filter((tag) => {
    if (typeof tag === "string") return true;
    const sexagesimal = "format" in tag && tag.format === "TIME";
    return !sexagesimal && tag.tag !== binary.tag && !TEXT_IN_GO.includes(tag.tag);
  });
  return [octal, binary, ...kept];
}

/**
 * The objects in `text`, with documents that hold a List unfolded and empty ones left out. Throws `InvalidArgument`:
 * `Cannot read pod.yaml:3:5: …`.
 */
export function parseManifests(text: string, options: { readonly source: string }): Manifest[] {
  const { source } = options;
  if (text.length > MANIFEST_MAX_CHARACTERS) {
    throw new MinkeError(
      "InvalidArgument",
      `Cannot read ${source}: it has ${text.length} characters, more than ${MANIFEST_MAX_CHARACTERS}; split it`,
    );
  }
  const lines = new LineCounter();
  // JSON may be indented with tabs, YAML may not; inside a JSON string a tab cannot stand.
  const readable = text.trimStart().startsWith("{") && isJson(text) ? text.replaceAll("\t", " ") : text;
  const documents = parseAllDocuments(readable, {
    version: "1.1",
    customTags: goYamlTags,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "silent",
  });
  // An empty text gives an empty list with the properties of a document.
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document) => manifestsOf(document as Document, source, lines));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function manifestsOf(document: Document, source: string, lines: LineCounter): Manifest[] {
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: Math.max(1, col) };
  };
  const fail = (position: Position, why: string, cause?: unknown): MinkeError =>
    new MinkeError("InvalidArgument", `Cannot read ${source}:${position.line}:${position.column}: ${why}`, {
      cause,
      details: { source, ...position },
    });
  const error = document.errors[0];
  if (error) throw fail(at(error.pos[0]), remedyFor(error.code, error.message));
  const start = at(document.contents?.range?.[0] ?? 0);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (cause) {
    throw fail(start, messageOf(cause), cause);
  }
  const collect = (item: unknown, prefix: string): Manifest[] => {
    if (item === null || item === undefined) return [];
    const position = (path: string): Position => at(offsetOf(document, joined(prefix, path)));
    if (typeof item !== "object" || Array.isArray(item)) {
      const type = Array.isArray(item) ? "a list" : `a ${typeof item}`;
      throw fail(position(""), `expected an object with apiVersion and kind, found ${type}`);
    }
    const object = item as Readonly<Record<string, unknown>>;
    const { apiVersion, kind, items } = object;
    for (const [field, what] of [
      ["apiVersion", apiVersion],
      ["kind", kind],
    ] as const) {
      if (typeof what !== "string" || what === "") throw fail(position(field), `the object has no ${field}`);
    }
    if (Array.isArray(items) && String(kind).endsWith("List")) {
      return items.flatMap((each, index) => collect(each, joined(prefix, `items[${index}]`)));
    }
    return [{ object, source, line: position("").line, positionOf: position }];
  };
  return collect(value, "");
}

function joined(prefix: string, path: string): string {
  return prefix === "" || path === "" ? prefix + path : `${prefix}.${path}`;
}

function remedyFor(code: string, message: string): string {
  return code === "TAB_AS_INDENT" ? "a tab indents this line; YAML takes spaces only" : message;
}

/** The offset of the key (in a list: of the item) that `path` names, or of the nearest one above it. */
function offsetOf(document: Document, path: string): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const segment of parsePath(path)) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === String(segment));
      if (!pair) break;
      offset = rangeStart(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof segment === "number" && node.items[segment] !== undefined) {
      node = node.items[segment];
      offset = rangeStart(node) ?? offset;
    } else break;
  }
  return offset;
}

function rangeStart(node: unknown): number | undefined {
  return isNode(node) && !isPair(node) ? (node as Node).range?.[0] : undefined;
}

/** What would not read back as text: go-yaml puts it in double quotes, and what only its characters forbid in single ones. */
const NOT_TEXT = new RegExp(
  `^(?:${[
    "~|null|Null|NULL|<<|",
    "y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|true|True|TRUE|false|False|FALSE",
    String.raw`[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)`,
    "[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)",
    String.raw`[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?`,
    String.raw`[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?`,
    String.raw`\d{4}-\d{1,2}-\d{1,2}(?:[Tt ]+\d{1,2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[-+]\d{2}:\d{2})?)?`,
  ].join("|")})$`,
);
const UNPRINTABLE = /[^\n\u0020-\u007e\u0085\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;

/** YAML as kubectl prints it: keys in order, lists not indented. */
export function formatYaml(value: unknown): string {
  const document = new Document(value, { version: "1.1", sortMapEntries: true, aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === "string" && (NOT_TEXT.test(node.value) || UNPRINTABLE.test(node.value)))
        node.type = "QUOTE_DOUBLE";
    },
  });
  return document.toString({ indentSeq: false, lineWidth: 0, singleQuote: true });
}
