/** Without IP forwarding no packet leaves the bridge. */
import { readFile, writeFile } from "node:fs/promises";

import { errnoOf, MinkeError } from "../../base/errors.ts";

const IP_FORWARD = "/proc/sys/net/ipv4/ip_forward";

export async function enableForwarding(): Promise<void> {
  if ((await readFile(IP_FORWARD, "utf8")).trim() === "1") return;
  await writeFile(IP_FORWARD, "1").catch((error: unknown) => {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot connect Pods to other networks: ${IP_FORWARD} is 0 and can not be written (${errnoOf(error)}); ` +
        "run `sysctl -w net.ipv4.ip_forward=1` on the host",
      { reason: "CreatePodSandboxError", cause: error },
    );
  });
}
