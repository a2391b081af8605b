/** The flags that exec and attach have in common. */
import { type NodeFlags } from "./context.ts";
import { namespaceFlag, nodeFlags, switchFlag, textFlag } from "./flags.ts";

export interface SessionFlags extends NodeFlags {
  readonly namespace: string | undefined;
  readonly container: string | undefined;
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly quiet: boolean;
}

/** `terminal` says what `-t` means. */
export function sessionFlags(terminal: string) {
  return {
    stdin: switchFlag("Pass standard input on"),
    tty: switchFlag(terminal),
    container: textFlag("Container; default: the first, or what kubectl.kubernetes.io/default-container names", "name"),
    quiet: switchFlag("No messages of our own"),
    ...namespaceFlag,
    ...nodeFlags,
  } as const;
}

export const SESSION_ALIASES = { i: "stdin", t: "tty", c: "container", q: "quiet", n: "namespace" } as const;
