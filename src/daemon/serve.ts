/** `minke serve`: a node as a service. Runs until it is told to end. */
import { writeFileSync } from "node:fs";

import { messageOf } from "../base/errors.ts";
import { keepHeapSmall } from "../base/heap.ts";
import type { Logger } from "../base/logger.ts";
import { VERSION } from "../base/version.ts";
import { notifySystemd } from "./notify.ts";
import type { NodeOptions } from "./options.ts";
import { createPinoLog } from "./pino-log.ts";
import { startNode } from "./start-node.ts";

const END_SIGNALS = ["SIGTERM", "SIGINT"] as const;

/**
 * Starts a node and resolves when a signal has ended it: the API stops and the containers run on. A second signal ends the
 * process at once, which loses nothing either. Rejects when the node can not start.
 */
export async function serve(options: NodeOptions = {}): Promise<void> {
  const log = createPinoLog(options.logLevel ?? "info");
  process.on("unhandledRejection", (error) => log.error({ error: messageOf(error) }, "A rejection was not handled"));
  const ended = Promise.withResolvers<NodeJS.Signals>();
  const end = (signal: NodeJS.Signals): void => {
    for (const each of END_SIGNALS) process.off(each, end).on(each, () => process.exit(1));
    ended.resolve(signal);
  };
  for (const signal of END_SIGNALS) process.on(signal, end);
  protectFromOom(log);
  log.info({ version: VERSION, pid: process.pid }, "Starting");
  await using node = await startNode({ listen: "auto", criSocket: "auto", ...options }, { log });
  keepHeapSmall();
  void notifySystemd(node.host.process, "READY", log);
  const signal = await ended.promise;
  log.info({ signal }, "Stopping; the containers run on");
  await notifySystemd(node.host.process, "STOPPING", log);
}

/** As the kubelet has it (its oomScoreAdj): the kernel kills what runs in Pods first. */
const OOM_SCORE_ADJ = -999;

/**
 * conmon does this for itself, and every container's process gets a score of its own. Without CAP_SYS_RESOURCE the score can
 * not be lowered; the daemon may then be killed, which loses nothing.
 */
function protectFromOom(log: Logger): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", String(OOM_SCORE_ADJ));
  } catch (error) {
    log.debug({ error: messageOf(error) }, "The daemon is not protected from running out of memory");
  }
}
