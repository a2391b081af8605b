/** Listens at the first of several addresses that can be had. */
import { isMinkeError } from "../base/errors.ts";
import type { KubeServer } from "../server/kube/create-kube-server.ts";
import type { ListenAddress } from "./listen-address.ts";

/** Rejects with `FailedPrecondition` when none can be had; with what the last one said. */
export async function bindFirst(
  server: Pick<KubeServer, "bind">,
  addresses: readonly ListenAddress[],
  admits?: (peer: string) => boolean,
): Promise<ListenAddress> {
  const [first, ...others] = addresses;
  const { host, port } = first!;
  try {
    return { host, port: await server.bind(host, port, admits) };
  } catch (error) {
    if (others.length === 0 || !isMinkeError(error, "FailedPrecondition")) throw error;
    return await bindFirst(server, others, admits);
  }
}
