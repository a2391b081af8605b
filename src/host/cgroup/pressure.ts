/** Pressure stall information: `cpu.pressure`, `memory.pressure`, `io.pressure` (Documentation/accounting/psi.rst). */
import type { Pressure, PressureShare } from "../host.ts";

const LINE = /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)$/gm;
const NONE: PressureShare = { avg10: 0, avg60: 0, avg300: 0, totalNs: 0 };

/** undefined when the kernel was built without it, or has it switched off. */
export function parsePressure(text: string | undefined): Pressure | undefined {
  const shares = new Map<string, PressureShare>();
  for (const [, kind, avg10, avg60, avg300, totalUs] of (text ?? "").matchAll(LINE)) {
    const share = {
      avg10: Number(avg10),
      avg60: Number(avg60),
      avg300: Number(avg300),
      totalNs: Number(totalUs) * 1000,
    };
    shares.set(kind!, share);
  }
  const some = shares.get("some");
  return some && { some, full: shares.get("full") ?? NONE };
}
