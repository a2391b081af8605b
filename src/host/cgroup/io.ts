/** Block devices: the `blkio` controller of v1, `io` of v2. */
import type { BlockIoLimit, BlockIoUsage, CgroupResources } from "../host.ts";
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

/** Of `8:0 rbytes=1 wbytes=2 rios=3 wios=4 …` lines (v2). A device that nothing was done with has no such values. */
export function ioUsageV2(text: string): readonly BlockIoUsage[] {
  return text.split("\n").flatMap((line) => {
    const [device = "", ...pairs] = line.trim().split(" ");
    const values = new Map(pairs.map((pair) => pair.split("=") as [string, string]));
    const count = (key: string): number => Number(values.get(key) ?? 0);
    if (!values.has("rbytes")) return [];
    return [
      {
        device,
        reads: count("rios"),
        readBytes: count("rbytes"),
        writes: count("wios"),
        writeBytes: count("wbytes"),
      },
    ];
  });
}

/** Of two files with `8:0 Read 1` lines (v1): bytes, and operations. */
export function ioUsageV1(bytes: string, operations: string): readonly BlockIoUsage[] {
  const [sizes, counts] = [perDevice(bytes), perDevice(operations)];
  return [...sizes].map(([device, size]) => ({
    device,
    reads: counts.get(device)?.get("Read") ?? 0,
    readBytes: size.get("Read") ?? 0,
    writes: counts.get(device)?.get("Write") ?? 0,
    writeBytes: size.get("Write") ?? 0,
  }));
}

/** Device → word → number. */
function perDevice(text: string): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const lines = [...text.matchAll(/^(\d+:\d+) (\w+) (\d+)$/gm)];
  const devices = Map.groupBy(lines, ([, device]) => device!);
  return new Map(
    [...devices].map(([device, own]) => [device, new Map(own.map(([, , word, value]) => [word!, Number(value)]))]),
  );
}
