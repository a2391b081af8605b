/** Signals as images and Pods write them: `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3`. */
import { constants } from "node:os";

/** glibc keeps the first two real-time signals for itself. */
const REALTIME_FIRST = 34;
const REALTIME_LAST = 64;

export interface Signal {
  /** Present when Node can send it by name. */
  readonly name?: NodeJS.Signals;
  readonly number: number;
}

/** undefined when the text names no signal. */
export function parseSignal(text: string): Signal | undefined {
  const upper = text.trim().toUpperCase();
  if (/^\d+$/.test(upper)) return signalOf(Number(upper));
  const realtime = /^(?:SIG)?RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(upper);
  if (realtime) {
    const [, end, sign, offset = "0"] = realtime;
    const base = end === "MIN" ? REALTIME_FIRST : REALTIME_LAST;
    const number = base + (sign === "-" ? -1 : 1) * Number(offset);
    return number >= REALTIME_FIRST && number <= REALTIME_LAST ? { number } : undefined;
  }
  const name = (upper.startsWith("SIG") ? upper : `SIG${upper}`) as NodeJS.Signals;
  const number = constants.signals[name];
  return number === undefined ? undefined : { name, number };
}

function signalOf(number: number): Signal | undefined {
  if (number < 1 || number > REALTIME_LAST) return undefined;
  const named = Object.entries(constants.signals).find(([, value]) => value === number);
  return named ? { name: named[0] as NodeJS.Signals, number } : { number };
}
