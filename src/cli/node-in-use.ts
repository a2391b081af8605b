/** A node for play and the image commands: the one that runs, or else an embedded one for the time of the command. */
import { isMinkeError } from "../base/errors.ts";
import type { Client } from "../sdk/client.ts";
import { addressOf, type CliContext, type NodeFlags } from "./context.ts";

export interface NodeInUse extends AsyncDisposable {
  readonly client: Client;
  /** True when it lives only as long as this command. */
  readonly embedded: boolean;
}

/** Uses the running node when its socket answers, and starts one inside this process when none does. */
export async function nodeInUse(
  context: CliContext,
  flags: NodeFlags,
  embed: { readonly trace?: boolean } = {},
): Promise<NodeInUse> {
  const client = await context.client(flags);
  try {
    await client.version();
    return { client, embedded: false, [Symbol.asyncDispose]: async () => {} };
  } catch (error) {
    if (!isMinkeError(error) || error.reason !== "NoNode") throw error;
  }
  const { embedNode } = await import("./embed.ts");
  const { socket: _socket, ...address } = addressOf(flags, context.env);
  const options = { ...address, ...(flags.root === undefined ? {} : { root: flags.root }), ...embed };
  const node = await embedNode(options, (line) => context.note(line));
  return { client, embedded: true, [Symbol.asyncDispose]: () => node[Symbol.asyncDispose]() };
}
