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
  const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]/g;
  let last = "";
  for (let match = tokens.exec(text); match; match = tokens.exec(text)) {
    const token = match[0];
    const level = levels.at(-1);
    if (token === "{" || token === "[") levels.push({ keys: token === "{" ? new Set() : undefined, index: 0, key: "" });
    else if (token === "}" || token === "]") levels.pop();
    else if (token === ",") level!.index++;
    else if (token === ":") {
      level!.key = JSON.parse(last) as string;
      if (level!.keys!.has(level!.key)) duplicate.push(pathOf(levels));
      level!.keys!.add(level!.key);
    } else last = token;
  }
  return duplicate;
}

function pathOf(levels: readonly Level[]): string {
  const steps = levels.map(({ keys, key, index }) => (keys ? `.${key}` : `[${index}]`));
  return steps.join("").slice(1);
}

/** `duplicate field "spec.x"`: how Kubernetes words it. */
export function duplicateFieldText(path: string): string {
  return `duplicate field ${JSON.stringify(path)}`;
}
