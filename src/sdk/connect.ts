/** The client for Node programs: finds the node's socket and makes sure that something answers. */
import { textOf } from "./body.ts";
import { type Client, type ClientOptions, clientOver } from "./client.ts";
import { type SocketAddress, socketPathOf } from "./socket-path.ts";
import { unixTransport } from "./unix-transport.ts";

export interface ConnectOptions extends SocketAddress, ClientOptions {}

/**
 * Connects to a node: `using client = await connect({ instance: "test" })`. Rejects with `Unavailable`, reason `NoNode`,
 * when no node answers at the socket.
 */
export async function connect(options: ConnectOptions = {}): Promise<Client> {
  const client = clientFor(options);
  try {
    await textOf((await client.http.stream("GET", "/livez", { accept: "text/plain" })).body);
    return client;
  } catch (error) {
    client[Symbol.dispose]();
    throw error;
  }
}

/** As {@link connect}, but opens nothing yet: the first request finds out whether a node is there. */
export function clientFor(options: ConnectOptions = {}): Client {
  return clientOver(unixTransport(socketPathOf(options)), options);
}
