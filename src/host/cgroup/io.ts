/** Block devices: the `blkio` controller of v1, `io` of v2. */
import type { BlockIoLimit, CgroupResources } from "../host.ts";
import type { ControlWrite } from "./control-file.ts";

const LIMITS = [
  ["readBps", "blkio.throttle.read_bps_device", "rbps"],
  ["writeBps", "blkio.throttle.write_bps_device", "wbps"],
  ["readIops", "blkio.throttle.read_iops_device", "riops"],
  ["writeIops", "blkio.throttle.write_iops_device", "wiops"],
] as const satisfies readonly (readonly [keyof BlockIoLimit, string, string])[];

export function ioV1({ blockIo = [] }: CgroupResources): ControlWrite[] {
  return blockIo.flatMap((limit) =>
    LIMITS.flatMap(([key, file]) => {
      const value = limit[key];
      return value === undefined ? [] : [{ file, value: `${limit.device} ${value}`, field: `blockIo.${key}` }];
    }),
  );
}

export function ioV2({ blockIo = [] }: CgroupResources): ControlWrite[] {
  return blockIo.map((limit) => {
    const values = LIMITS.flatMap(([key, , name]) => (limit[key] === undefined ? [] : [`${name}=${limit[key]}`]));
    return { file: "io.max", value: [limit.device, ...values].join(" "), field: "blockIo" };
  });
}

/** Bytes read and written, of `8:0 rbytes=1 wbytes=2 …` lines (v2). */
export function ioBytesV2(text: string): { readonly read: number; readonly write: number } {
  const sum = (key: string): number =>
    [...text.matchAll(new RegExp(`\\b${key}=(\\d+)`, "g"))].reduce((total, match) => total + Number(match[1]), 0);
  return { read: sum("rbytes"), write: sum("wbytes") };
}

/** Bytes read and written, of `8:0 Read 1` lines (v1). */
export function ioBytesV1(text: string): { readonly read: number; readonly write: number } {
  const sum = (word: string): number =>
    [...text.matchAll(new RegExp(`^\\d+:\\d+ ${word} (\\d+)$`, "gm"))].reduce((total, m) => total + Number(m[1]), 0);
  return { read: sum("Read"), write: sum("Write") };
}
