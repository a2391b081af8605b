/**
 * The part of kubectl's JSONPath templates that people use. A template is text with `{…}` in it; in the braces:
 *
 *   .name  ['name']  ['a','b']  [0]  [-1]  [1:3]  [*]  .*  ..name     steps; a leading `$` is allowed
 *   [?(@.a.b=="x")]                                                   filter; == != < <= > >=, or just the path: exists
 *   range PATH … end                                                  repeats what is in between, with @ the item
 *   "text"                                                            a literal; \n and \t mean what they mean in JSON
 *
 * Not there: functions, arithmetic, unions of paths, regular expressions. A key that is missing gives nothing, as with
 * kubectl's default `--allow-missing-template-keys`.
 */
import { UsageError } from "./exit.ts";

export type Step =
  | { readonly kind: "field"; readonly names: readonly string[] }
  | { readonly kind: "all" }
  | { readonly kind: "deep"; readonly name: string }
  | { readonly kind: "slice"; readonly from?: number; readonly to?: number; readonly single: boolean }
  | { readonly kind: "filter"; readonly left: Path; readonly operator?: string; readonly right?: unknown };
export type Path = readonly Step[];

type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "range"; readonly path: Path; readonly body: readonly Node[] };

/** A compiled template: gives the text for an object. */
export function compileTemplate(template: string): (object: unknown) => string {
  const tokens = tokensOf(template);
  const { nodes, rest } = parseNodes(tokens, 0);
  if (rest < tokens.length) throw bad(template, "{end} without {range}");
  return (object) => nodes.map((node) => render(node, object)).join("");
}

/** All values that a path (`.status.phase`, `{.status.phase}`, `status.phase`) finds. */
export function compilePath(text: string): (object: unknown) => unknown[] {
  const inner = text.startsWith("{") && text.endsWith("}") ? text.slice(1, -1) : text;
  const path = parsePath(/^[.[$@]/.test(inner) ? inner : `.${inner}`);
  return (object) => follow(path, object);
}

interface Token {
  readonly expression: boolean;
  readonly text: string;
}

function tokensOf(template: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < template.length) {
    const open = template.indexOf("{", at);
    if (open !== at) tokens.push({ expression: false, text: template.slice(at, open < 0 ? undefined : open) });
    if (open < 0) break;
    const close = closingBrace(template, open);
    tokens.push({ expression: true, text: template.slice(open + 1, close).trim() });
    at = close + 1;
  }
  return tokens;
}

/** Index of the brace that closes the one at `open`, past any quotes. */
function closingBrace(template: string, open: number): number {
  let quote = "";
  for (let i = open + 1; i < template.length; i++) {
    const char = template[i]!;
    if (quote !== "") {
      if (char === "\\") i++;
      else if (char === quote) quote = "";
    } else if (char === '"' || char === "'") quote = char;
    else if (char === "}") return i;
  }
  throw bad(template, "a { is not closed");
}

function parseNodes(tokens: readonly Token[], start: number): { nodes: Node[]; rest: number } {
  const nodes: Node[] = [];
  let at = start;
  while (at < tokens.length) {
    const { expression, text } = tokens[at]!;
    if (expression && text === "end") return { nodes, rest: at };
    at++;
    if (!expression) nodes.push({ kind: "text", text });
    else if (/^["']/.test(text)) nodes.push({ kind: "text", text: literal(text) });
    else if (/^range\s/.test(text)) {
      const inner = parseNodes(tokens, at);
      if (inner.rest >= tokens.length) throw bad(text, "{range} without {end}");
      nodes.push({ kind: "range", path: parsePath(text.slice(5).trim()), body: inner.nodes });
      at = inner.rest + 1;
    } else nodes.push({ kind: "path", path: parsePath(text) });
  }
  return { nodes, rest: at };
}

function render(node: Node, object: unknown): string {
  if (node.kind === "text") return node.text;
  const values = follow(node.path, object);
  if (node.kind === "path") return values.map(textOf).join(" ");
  return values.map((value) => node.body.map((inner) => render(inner, value)).join("")).join("");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** One step of a path at the beginning of a text. */
const STEPS: readonly (readonly [RegExp, (match: RegExpExecArray) => Step])[] = [
  [/^\.\.([\w-]+)/, (m) => ({ kind: "deep", name: m[1]! })],
  [/^(?:\.\*|\[\*\])/, () => ({ kind: "all" })],
  [/^\.((?:[\w/-]|\\.)+)/, (m) => ({ kind: "field", names: [m[1]!.replaceAll(/\\(.)/g, "$1")] })],
  [
    /^\[\s*((?:'[^']*'|"[^"]*")(?:\s*,\s*(?:'[^']*'|"[^"]*"))*)\s*\]/,
    (m) => ({ kind: "field", names: quotedNames(m[1]!) }),
  ],
  [/^\[(-?\d+)\]/, (m) => ({ kind: "slice", from: Number(m[1]), single: true })],
  [/^\[(-?\d*):(-?\d*)\]/, (m) => slice(m[1]!, m[2]!)],
  [/^\[\?\(\s*@((?:[^()"'=!<>]|\[[^\]]*\])*?)\s*(?:(==|!=|<=|>=|<|>)\s*("[^"]*"|'[^']*'|[^)\s]+)\s*)?\)\]/, filter],
];

function parsePath(text: string): Path {
  const steps: Step[] = [];
  let rest = text.replace(/^[$@]/, "");
  while (rest !== "" && rest !== ".") {
    const found = STEPS.map(([pattern, make]) => ({ match: pattern.exec(rest), make })).find(
      ({ match }) => match !== null,
    );
    if (!found?.match) throw bad(text, `"${rest}" is not understood`);
    steps.push(found.make(found.match));
    rest = rest.slice(found.match[0].length);
  }
  return steps;
}

function quotedNames(text: string): string[] {
  return [...text.matchAll(/'([^']*)'|"([^"]*)"/g)].map((match) => match[1] ?? match[2] ?? "");
}

function slice(from: string, to: string): Step {
  return {
    kind: "slice",
    single: false,
    ...(from === "" ? {} : { from: Number(from) }),
    ...(to === "" ? {} : { to: Number(to) }),
  };
}

function filter(match: RegExpExecArray): Step {
  const left = parsePath(match[1]!.trim());
  const operator = match[2];
  if (operator === undefined) return { kind: "filter", left };
  const value = match[3]!;
  const right: unknown = /^["']/.test(value) ? value.slice(1, -1) : scalar(value);
  return { kind: "filter", left, operator, right };
}

function scalar(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function follow(path: Path, object: unknown): unknown[] {
  let values: unknown[] = [object];
  for (const step of path) values = values.flatMap((value) => take(step, value));
  return values.filter((value) => value !== undefined);
}

function take(step: Step, value: unknown): unknown[] {
  if (step.kind === "field") return step.names.map((name) => fieldOf(value, name));
  if (step.kind === "all") return childrenOf(value);
  if (step.kind === "deep") return deep(value, step.name);
  if (step.kind === "filter") return childrenOf(value).filter((child) => passes(step, child));
  if (!Array.isArray(value)) return [];
  return step.single ? [value.at(step.from!) as unknown] : (value.slice(step.from, step.to) as unknown[]);
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

function childrenOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  return typeof value === "object" && value !== null ? Object.values(value) : [];
}

function deep(value: unknown, name: string): unknown[] {
  const own = Array.isArray(value) ? undefined : fieldOf(value, name);
  return [...(own === undefined ? [] : [own]), ...childrenOf(value).flatMap((child) => deep(child, name))];
}

function passes(step: Extract<Step, { kind: "filter" }>, item: unknown): boolean {
  const found = follow(step.left, item);
  if (step.operator === undefined) return found.length > 0;
  return found.some((left) => compare(left, step.operator!, step.right));
}

function compare(left: unknown, operator: string, right: unknown): boolean {
  if (operator === "==") return left === right;
  if (operator === "!=") return left !== right;
  if (typeof left !== typeof right || (typeof left !== "number" && typeof left !== "string")) return false;
  const order = left < (right as typeof left) ? -1 : left > (right as typeof left) ? 1 : 0;
  return operator === "<" ? order < 0 : operator === "<=" ? order <= 0 : operator === ">" ? order > 0 : order >= 0;
}

function literal(text: string): string {
  const inner = text.slice(1, -1);
  return inner.replaceAll(/\\(.)/g, (_, char: string) => ({ n: "\n", t: "\t", r: "\r" })[char] ?? char);
}

function bad(template: string, why: string): UsageError {
  return new UsageError(`cannot read the JSONPath template ${template}: ${why}; see docs/cli.md for what is supported`);
}
