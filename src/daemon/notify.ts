/** Tells systemd that the service is ready. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ProcessHost } from "../host/host.ts";

/**
 * Sends `READY=1` or `STOPPING=1` when systemd has set NOTIFY_SOCKET (sd_notify(3)). Node has no unix datagram sockets, so
 * the message comes from the agent, and the unit needs `NotifyAccess=all`. A failure is logged: systemd then reports a
 * start-up timeout by itself.
 */
export async function notifySystemd(process: ProcessHost, state: "READY" | "STOPPING", log: Logger): Promise<void> {
  const socket = globalThis.process.env["NOTIFY_SOCKET"];
  if (!socket) return;
  try {
    await process.sendDatagram(socket, `${state}=1\nMAINPID=${globalThis.process.pid}\n`);
  } catch (error) {
    log.warn({ error: messageOf(error) }, "Telling systemd failed");
  }
}
