/** The daemon's log: JSON lines on standard error. */
import { destination, pino, stdTimeFunctions } from "pino";
import type { Logger as Pino } from "pino";

import type { Logger } from "../base/logger.ts";
import type { LogLevel } from "./options.ts";

/** Binds the logger's interface to pino. */
export function createPinoLog(level: LogLevel): Logger {
  // Synchronous: the line before a crash is the one that matters.
  const stderr = destination({ fd: 2, sync: true });
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime };
  return bind(pino({ ...options, formatters: { level: (label) => ({ level: label }) } }, stderr));
}

function bind(log: Pino): Logger {
  return {
    debug: (fields, message) => log.debug(fields, message),
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    child: (fields) => bind(log.child(fields)),
  };
}
