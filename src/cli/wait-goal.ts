/** What `wait --for` waits for. Kubernetes: kubectl/pkg/cmd/wait. */
import type { KubeObject } from "../api/object.ts";
import { UsageError } from "./exit.ts";
import { compilePath } from "./jsonpath.ts";

export interface Goal {
  /** How the line on stdout ends: `condition met`, `deleted`. */
  readonly word: "condition met" | "deleted";
  /** Whether an object that is not there (yet) can still get there. */
  readonly mayBeAbsent: boolean;
  /** The test, for an object that was `first` when the waiting began. */
  testFor(first: KubeObject | undefined): (object: KubeObject | undefined) => boolean;
}

/** `delete`, `create`, `condition=NAME[=VALUE]`, `jsonpath={PATH}[=VALUE]`. */
export function parseGoal(text: string): Goal {
  if (text === "delete") {
    // An object of the same name that came later is another one.
    return {
      word: "deleted",
      mayBeAbsent: true,
      testFor: (first) => (object) => object === undefined || object.metadata.uid !== first?.metadata.uid,
    };
  }
  if (text === "create")
    return { word: "condition met", mayBeAbsent: true, testFor: () => (object) => object !== undefined };
  const condition = /^condition=([^=]+)(?:=(.*))?$/.exec(text);
  if (condition) return simple(conditionTest(condition[1]!, condition[2] ?? "true"));
  const path = /^jsonpath=(\{.*\}|[^{=]+)(?:=(.*))?$/s.exec(text);
  if (path) return simple(valueTest(path[1]!, path[2]));
  throw new UsageError(
    `unrecognized condition: "${text}"; write --for=condition=NAME[=VALUE], delete, create, or jsonpath='{PATH}'[=VALUE]`,
  );
}

function simple(test: (object: KubeObject) => boolean): Goal {
  const testFor = () => (object: KubeObject | undefined) => object !== undefined && test(object);
  return { word: "condition met", mayBeAbsent: false, testFor };
}

function conditionTest(name: string, value: string): (object: KubeObject) => boolean {
  return (object) => {
    const status = object["status"] as { conditions?: { type: string; status: string }[] } | undefined;
    const found = status?.conditions?.find((one) => one.type.toLowerCase() === name.toLowerCase());
    return found?.status.toLowerCase() === value.toLowerCase();
  };
}

function valueTest(path: string, value: string | undefined): (object: KubeObject) => boolean {
  const find = compilePath(path);
  const wanted = value === undefined ? undefined : value.replace(/^(["'])(.*)\1$/s, "$2");
  return (object) => {
    const found = find(object);
    if (wanted === undefined) return found.length > 0;
    return found.length === 1 && textOf(found[0]) === wanted;
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
