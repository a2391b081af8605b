/**
 * The part of TOML 1.0 that `hosts.toml` files use: tables, dotted and quoted keys, strings of one line, booleans, whole
 * numbers and arrays (over several lines too). What else TOML has (dates, floats, inline tables, arrays of tables, strings
 * over several lines) is refused with its line. Keys keep their order, which in these files is the order of trying.
 */
import { MinkeError } from "../../base/errors.ts";

export type TomlValue = string | boolean | number | readonly TomlValue[] | TomlTable;
export interface TomlTable extends ReadonlyMap<string, TomlValue> {}
type Table = Map<string, TomlValue>;

/** Reads a document. Rejects with `InvalidArgument`, naming `what` and the line. */
export function readToml(text: string, what: string): TomlTable {
  return new Reader(text, what).document();
}

const ESCAPES: Readonly<Record<string, string>> = {
  b: "\b",
  t: "\t",
  n: "\n",
  f: "\f",
  r: "\r",
  '"': '"',
  "\\": "\\",
};

class Reader {
  readonly #text: string;
  readonly #what: string;
  #at = 0;

  constructor(text: string, what: string) {
    this.#text = text;
    this.#what = what;
  }

  document(): TomlTable {
    const root: Table = new Map();
    const headers = new Set<string>();
    let table = root;
    for (this.#skip(true); this.#at < this.#text.length; this.#skip(true)) {
      if (this.#text[this.#at] === "[") {
        this.#at++;
        if (this.#text[this.#at] === "[") throw this.#error("arrays of tables are not supported here");
        const path = this.#keys();
        this.#expect("]");
        const name = JSON.stringify(path);
        if (headers.has(name)) throw this.#error(`table [${path.join(".")}] is there twice`);
        headers.add(name);
        table = this.#descend(root, path);
      } else {
        const path = this.#keys();
        this.#expect("=");
        const owner = this.#descend(table, path.slice(0, -1));
        const key = path.at(-1)!;
        if (owner.has(key)) throw this.#error(`"${key}" is there twice`);
        owner.set(key, this.#value());
      }
      this.#endOfLine();
    }
    return root;
  }

  #descend(from: Table, path: readonly string[]): Table {
    let table = from;
    for (const key of path) {
      const next = table.get(key) ?? new Map<string, TomlValue>();
      if (!(next instanceof Map)) throw this.#error(`"${key}" is a value and cannot be a table too`);
      table.set(key, next);
      table = next;
    }
    return table;
  }

  #keys(): string[] {
    const keys: string[] = [];
    do {
      this.#skip(false);
      keys.push(this.#key());
      this.#skip(false);
    } while (this.#take("."));
    return keys;
  }

  #key(): string {
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") return this.#string();
    const bare = this.#match(/[A-Za-z0-9_-]+/y);
    if (bare === undefined) throw this.#error("a key is missing");
    return bare;
  }

  #value(): TomlValue {
    this.#skip(false);
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") return this.#string();
    if (first === "[") return this.#array();
    const word = this.#match(/[^\s,\]#]+/y) ?? "";
    if (word === "true" || word === "false") return word === "true";
    if (/^[+-]?\d+(_\d+)*$/.test(word)) return Number(word.replaceAll("_", ""));
    throw this.#error(`"${word}" is no text in quotes, no true or false, no whole number and no array`);
  }

  #array(): readonly TomlValue[] {
    const values: TomlValue[] = [];
    this.#expect("[");
    for (this.#skip(true); !this.#take("]"); this.#skip(true)) {
      values.push(this.#value());
      this.#skip(true);
      if (this.#take(",")) continue;
      this.#expect("]");
      break;
    }
    return values;
  }

  #string(): string {
    const quote = this.#text[this.#at]!;
    if (this.#text.startsWith(quote.repeat(3), this.#at))
      throw this.#error("texts over several lines are not supported here");
    const literal = this.#match(quote === "'" ? /'[^'\n]*'/y : /"(?:[^"\\\n]|\\.)*"/y);
    if (literal === undefined) throw this.#error(`the text that starts here has no closing ${quote}`);
    const inner = literal.slice(1, -1);
    if (quote === "'") return inner;
    return inner.replaceAll(/\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)/g, (_all, escape: string) => {
      const code = escape.length > 1 ? Number.parseInt(escape.slice(1), 16) : -1;
      const character = code < 0 ? ESCAPES[escape] : code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
      if (character === undefined) throw this.#error(`"\\${escape}" is no escape`);
      return character;
    });
  }

  /** Passes blanks and, with `lines`, line ends and comments. */
  #skip(lines: boolean): void {
    this.#match(lines ? /(?:[ \t\r\n]|#[^\n]*)+/y : /[ \t]+/y);
  }

  #endOfLine(): void {
    if (this.#match(/[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y) === undefined)
      throw this.#error("the line has more than it should");
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    this.#skip(false);
    if (!this.#take(character)) throw this.#error(`"${character}" is missing`);
  }

  #error(why: string): MinkeError {
    const line = this.#text.slice(0, this.#at).split("\n").length;
    return new MinkeError("InvalidArgument", `Cannot read ${this.#what}: line ${line}: ${why}`, {
      details: { file: this.#what, line },
    });
  }
}
