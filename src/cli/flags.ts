/** The flags that many commands share, and short makers of flag definitions. */
import { parseDuration } from "./duration.ts";
import { UsageError } from "./exit.ts";

const text = (input: string): string => input;

/** A flag with a text value. */
export function textFlag(brief: string, placeholder = "value") {
  return { kind: "parsed", parse: text, brief, placeholder, optional: true } as const;
}

/** A flag with a text value that may be given more than once. */
export function textsFlag(brief: string, placeholder = "value") {
  return { kind: "parsed", parse: text, brief, placeholder, optional: true, variadic: true } as const;
}

/** A flag that is off unless given. */
export function switchFlag(brief: string) {
  return { kind: "boolean", brief, default: false } as const;
}

/** A flag that is on unless given as `--no-x` or `--x=false`. */
export function onFlag(brief: string) {
  return { kind: "boolean", brief, default: true } as const;
}

/** A flag with a whole number. */
export function integerFlag(brief: string, placeholder = "n") {
  return { kind: "parsed", parse: parseInteger, brief, placeholder, optional: true } as const;
}

/** A flag with a duration (`5s`, `2m`); the command gets milliseconds. */
export function durationFlag(brief: string) {
  return { kind: "parsed", parse: parseDuration, brief, placeholder: "duration", optional: true } as const;
}

function parseInteger(input: string): number {
  if (!/^[+-]?\d+$/.test(input)) throw new UsageError(`"${input}" is not a whole number`);
  return Number(input);
}

/** Which node. */
export const nodeFlags = {
  instance: textFlag("Name of the node's instance (default minke, or $MINKE_INSTANCE)", "name"),
  state: textFlag("State directory of the node, which holds its api.sock (default /run/minke, or $MINKE_STATE)", "dir"),
  // Of no use to a command that needs a running node, and no error there: a script may pass the same flags to all.
  root: { ...textFlag("Root directory of the node", "dir"), hidden: true },
} as const;

/** The same for commands that start a node when none runs. */
export const embedFlags = {
  ...nodeFlags,
  root: textFlag("Root directory of the node, when none runs (default /var/lib/minke, or $MINKE_ROOT)", "dir"),
} as const;

/** For commands that move images from or to a registry. */
export const registryFlags = {
  tlsVerify: onFlag("Whether the registry's certificate must hold; false also takes plain HTTP"),
  progress: textFlag(
    "auto, plain or rawjson: how progress is written to stderr (default auto: bars on a terminal)",
    "mode",
  ),
} as const;

export interface RegistryFlags {
  readonly tlsVerify: boolean;
  readonly progress: string | undefined;
}

/** Which namespace. */
export const namespaceFlag = {
  namespace: textFlag("Namespace (default: default)", "ns"),
} as const;

export const allNamespacesFlag = {
  allNamespaces: switchFlag("All namespaces"),
} as const;

/** A positional text. */
export function argument(placeholder: string, brief: string) {
  return { placeholder, brief, parse: text } as const;
}

/** The namespace in force. */
export function namespaceOf(flags: { readonly namespace: string | undefined }): string {
  return flags.namespace ?? "default";
}
