/**
 * Reads JSON text and finds fields that stand twice in an object: `JSON.parse` keeps the last one in silence, Kubernetes'
 * strict decoding refuses it (`duplicate field "spec.x"`).
 */
import { badRequest } from "./status.ts";

export interface ParsedJson {
  readonly value: unknown;
  /** Paths of the fields that stand more than once. */
  readonly duplicate: readonly string[];
}

interface Level {
  /** Undefined for a list. */
  readonly keys: Set<string> | undefined;
  index: number;
  key: string;
}

/** Parses a JSON text. Throws `InvalidArgument` when it is none. */
export function parseJson(text: string): ParsedJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRequest(`Cannot read the body: it is not JSON: ${(error as Error).message}`);
  }
  return { value, duplicate: duplicatesIn(text) };
}

/** `text` is valid JSON, so its strings and brackets tell all there is to know. */
function duplicatesIn(text: string): string[] {
  const duplicate: string[] = [];
  const levels: Level[] = [];
  let last = "";
  // No regular expression: on a string of many escapes it would overflow the stack.
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    const level = levels.at(-1);
    if (char === "{" || char === "[") levels.push({ keys: char === "{" ? new Set() : undefined, index: 0, key: "" });
    else if (char === "}" || char === "]") levels.pop();
    else if (char === ",") level!.index++;
    else if (char === '"') {
      const end = endOfString(text, at);
      last = text.slice(at, end);
      at = end - 1;
    } else if (char === ":") {
      level!.key = JSON.parse(last) as string;
      if (level!.keys!.has(level!.key)) duplicate.push(pathOf(levels));
      level!.keys!.add(level!.key);
    }
  }
  return duplicate;
}

/** Behind the closing quote of the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}

function pathOf(levels: readonly Level[]): string {
  const steps = levels.map(({ keys, key, index }) => (keys ? `.${key}` : `[${index}]`));
  return steps.join("").slice(1);
}

/** `duplicate field "spec.x"`: how Kubernetes words it. */
export function duplicateFieldText(path: string): string {
  return `duplicate field ${JSON.stringify(path)}`;
}
