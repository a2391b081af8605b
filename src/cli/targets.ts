/** The arguments of get, describe, delete, wait …: `TYPE`, `TYPE NAME…`, `TYPE/NAME…`, `TYPE,TYPE`, `all`. */
import type { Resource } from "../api/resources.ts";
import { UsageError } from "./exit.ts";
import { ALL_TYPES, typeNamed } from "./kinds.ts";

export interface Target {
  readonly type: Resource;
  /** Undefined: all that the selectors select. */
  readonly name?: string;
}

/** Reads the arguments. `defaultType` is what a lone name without a type means (logs, exec …). */
export function targetsOf(args: readonly string[], defaultType?: Resource): Target[] {
  if (args.length === 0) {
    throw new UsageError("no type was given; say which, such as 'pods', 'pod NAME' or 'pod/NAME'");
  }
  if (args.some((arg) => arg.includes("/"))) return args.flatMap((arg) => slashed(arg, defaultType));
  if (defaultType) return args.map((name) => ({ type: defaultType, name }));
  const [types = "", ...names] = args;
  const list = types.split(",").flatMap((name) => (name === "all" ? ALL_TYPES : [typeNamed(name)]));
  return list.flatMap((type): Target[] => (names.length === 0 ? [{ type }] : names.map((name) => ({ type, name }))));
}

function slashed(arg: string, defaultType?: Resource): Target[] {
  const parts = arg.split("/");
  if (parts.length === 1 && defaultType) return [{ type: defaultType, name: arg }];
  if (parts.length !== 2 || parts[0] === "" || parts[1] === "") {
    throw new UsageError(
      arg.includes("/")
        ? `arguments in resource/name form must have a single resource and name; "${arg}" has not`
        : `there is no need to specify a resource type as a separate argument when passing arguments in resource/name form: leave out "${arg}"`,
    );
  }
  return parts[0]!.split(",").map((type) => ({ type: typeNamed(type), name: parts[1]! }));
}

/** The Pod that an argument names: `NAME` or `pod/NAME`. */
export function podNamed(arg: string): string {
  const [name, type] = arg.includes("/")
    ? [arg.slice(arg.indexOf("/") + 1), arg.slice(0, arg.indexOf("/"))]
    : [arg, "pod"];
  if (name === "") throw new UsageError("the name of the Pod is empty");
  if (typeNamed(type).kind !== "Pod") throw new UsageError(`"${arg}" is not a Pod; write NAME or pod/NAME`);
  return name;
}
