/** Tells systemd that the service is ready. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { ProcessHost } from "../host/host.ts";

/** Node has no unix datagram sockets, which systemd listens on; perl-base, which the agent needs anyway, has. */
const SEND = `use Socket; my $to = $ENV{NOTIFY_SOCKET}; $to =~ s/^@/\\0/;
socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die "socket: $!"; send($s, $ARGV[0], 0, sockaddr_un($to)) or die "send: $!";`;

/**
 * Sends `READY=1` or `STOPPING=1` when systemd has set NOTIFY_SOCKET. The message comes from a child, so the unit needs
 * `NotifyAccess=all`. A failure is logged: systemd then reports a start-up timeout by itself.
 */
export async function notifySystemd(process: ProcessHost, state: "READY" | "STOPPING", log: Logger): Promise<void> {
  const socket = globalThis.process.env["NOTIFY_SOCKET"];
  if (!socket) return;
  const message = `${state}=1\nMAINPID=${globalThis.process.pid}\n`;
  try {
    const done = await process.run({
      argv: ["perl", "-e", SEND, message],
      env: { NOTIFY_SOCKET: socket, PATH: "/usr/bin:/bin" },
    });
    if (done.code !== 0) log.warn({ stderr: done.stderr }, "Telling systemd failed");
  } catch (error) {
    log.warn({ error: messageOf(error) }, "Telling systemd failed");
  }
}
