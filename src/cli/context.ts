/** What every command gets: its streams, the clock, and a way to the node. */
import type { CommandContext } from "@stricli/core";

import type { Clock } from "../base/clock.ts";
import type { Client } from "../sdk/client.ts";
import type { SocketAddress } from "../sdk/socket-path.ts";

/** The flags that say which node is meant. */
export interface NodeFlags {
  readonly instance: string | undefined;
  readonly state: string | undefined;
  /** Where a node keeps what lasts; only for a node that has to be started. */
  readonly root: string | undefined;
}

export interface CliContext extends CommandContext {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** What followed `--` on the command line; undefined when there was no `--`. */
  readonly afterDashes: readonly string[] | undefined;
  /** A client of the node that the flags name; warnings of the server go to stderr. Nothing is sent yet. */
  client(flags: Pick<NodeFlags, "instance" | "state">): Promise<Client>;
  /** Writes to stdout; resolves when there is room for more. */
  print(text: string | Uint8Array): Promise<void>;
  /** Writes one line to stderr. */
  note(line: string): void;
  /** What to do when nobody reads the output any more; default: end in silence. */
  whenOutputGone(handler: () => void): void;
  /** Sets the exit code without an error message. */
  exit(code: number): void;
}

/** The address that the flags, or else MINKE_INSTANCE and MINKE_STATE, name. */
export function addressOf(flags: Pick<NodeFlags, "instance" | "state">, env: CliContext["env"]): SocketAddress {
  const instance = flags.instance ?? env["MINKE_INSTANCE"];
  const state = flags.state ?? env["MINKE_STATE"];
  return { ...(instance === undefined ? {} : { instance }), ...(state === undefined ? {} : { state }) };
}
