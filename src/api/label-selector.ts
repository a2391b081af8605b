/** Label selectors in their text form: `app=web,tier in (a, b),!debug,x>1` (apimachinery labels.Parse). */
import { MinkeError } from "../base/errors.ts";
import { labelValueFaults, qualifiedNameFaults } from "./names.ts";

const OPERATORS = ["in", "notin", "=", "==", "!=", ">", "<"] as const;
type Operator = (typeof OPERATORS)[number] | "exists" | "!";

export interface LabelRequirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

/** All must hold; an empty selector matches everything. */
export type LabelSelectorText = readonly LabelRequirement[];

/** Throws `InvalidArgument`: what was found, and what was expected there. */
export function parseLabelSelector(text: string): LabelSelectorText {
  const tokens = text.match(/[=!<>]+|[(),]|[^\s=!<>(),]+/g) ?? [];
  const requirements: LabelRequirement[] = [];
  let position = 0;
  const peek = (): string => tokens[position] ?? "";
  const next = (): string => tokens[position++] ?? "";
  while (position < tokens.length) {
    requirements.push(readRequirement(text, peek, next));
    if (position === tokens.length) break;
    const separator = next();
    if (separator !== ",") throw bad(text, separator, "',' or 'end of string'");
    if (position === tokens.length) throw bad(text, "", "identifier after ','");
  }
  return requirements;
}

function readRequirement(text: string, peek: () => string, next: () => string): LabelRequirement {
  const negated = peek() === "!" && next() === "!";
  const key = next();
  if (!isWord(key)) throw bad(text, key, negated ? "identifier" : "!, identifier, or 'end of string'");
  check(text, key, qualifiedNameFaults(key));
  if (negated) return { key, operator: "!", values: [] };
  if (peek() === "" || peek() === ",") return { key, operator: "exists", values: [] };
  const operator = next() as (typeof OPERATORS)[number];
  if (!OPERATORS.includes(operator)) throw bad(text, operator, "in, notin, =, ==, !=, gt, lt");
  const values = operator === "in" || operator === "notin" ? readSet(text, peek, next) : [isWord(peek()) ? next() : ""];
  for (const value of values) {
    if (operator === ">" || operator === "<") {
      if (!/^[+-]?\d+$/.test(value)) throw bad(text, value, "an integer");
    } else check(text, value, labelValueFaults(value));
  }
  return { key, operator, values };
}

function readSet(text: string, peek: () => string, next: () => string): string[] {
  const open = next();
  if (open !== "(") throw bad(text, open, "'('");
  const values: string[] = [];
  for (;;) {
    values.push(isWord(peek()) ? next() : "");
    const separator = next();
    if (separator === ")") return values;
    if (separator !== ",") throw bad(text, separator, "',' or ')'");
  }
}

function isWord(token: string): boolean {
  return token !== "" && !/^[=!<>(),]/.test(token);
}

function bad(text: string, found: string, expected: string): MinkeError {
  return new MinkeError(
    "InvalidArgument",
    `unable to parse requirement: found '${found}', expected: ${expected} (in label selector "${text}")`,
  );
}

function check(text: string, value: string, faults: readonly string[]): void {
  if (faults.length === 0) return;
  throw new MinkeError(
    "InvalidArgument",
    `unable to parse requirement: Invalid value: "${value}": ${faults.join("; ")} (in label selector "${text}")`,
  );
}

export function matchesLabels(
  selector: LabelSelectorText,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return selector.every(({ key, operator, values }) => {
    const value = labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
    switch (operator) {
      case "exists":
        return value !== undefined;
      case "!":
        return value === undefined;
      case "in":
      case "=":
      case "==":
        return value !== undefined && values.includes(value);
      case "notin":
      case "!=":
        return value === undefined || !values.includes(value);
      default:
        if (value === undefined || !/^[+-]?\d+$/.test(value)) return false;
        return operator === ">" ? Number(value) > Number(values[0]) : Number(value) < Number(values[0]);
    }
  });
}
