/** Choosing the embedded network's IPv4 subnet: free on this host, the same after every start. Mostly pure. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";

import { errnoOf, MinkeError } from "../../base/errors.ts";

/** An IPv4 network: the address as a number, and the prefix length. */
export interface Subnet {
  readonly address: number;
  readonly bits: number;
}

export function parseSubnet(text: string): Subnet | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (!match) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, bits = 0] = match.slice(1).map(Number);
  if (Math.max(a, b, c, d) > 255 || bits > 32) return undefined;
  return { address: mask(((a << 24) | (b << 16) | (c << 8) | d) >>> 0, bits), bits };
}

export function formatSubnet({ address, bits }: Subnet): string {
  return `${formatAddress(address)}/${bits}`;
}

/** The first address, which the plugin host-local keeps for the bridge. */
export function gatewayOf({ address }: Subnet): string {
  return formatAddress(address + 1);
}

/** Whether an IPv4 address is one of the subnet's. */
export function contains(subnet: Subnet, address: string): boolean {
  const parsed = parseSubnet(`${address}/32`);
  return parsed !== undefined && overlaps(subnet, parsed);
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  const bits = Math.min(a.bits, b.bits);
  return mask(a.address, bits) === mask(b.address, bits);
}

/**
 * The first free candidate. The default instance has a /16 from 10.112.0.0 on; every other one a /20 below 10.128.0.0/10,
 * starting at a place that its hash names, so that two which start at once do not choose the same.
 */
export function chooseSubnet(
  used: readonly Subnet[],
  instance: { readonly hash: string; readonly isDefault: boolean },
): Subnet {
  const count = instance.isDefault ? 16 : 1024;
  const start = instance.isDefault ? 0 : Number.parseInt(instance.hash, 16) % count;
  for (let i = 0; i < count; i++) {
    const index = (start + i) % count;
    const candidate: Subnet = instance.isDefault
      ? { address: ((10 << 24) | ((112 + index) << 16)) >>> 0, bits: 16 }
      : { address: ((10 << 24) | (128 << 16) | (index << 12)) >>> 0, bits: 20 };
    if (!used.some((subnet) => overlaps(subnet, candidate))) return candidate;
  }
  throw new MinkeError(
    "ResourceExhausted",
    "Cannot choose a subnet for the Pod network: every candidate in 10.112.0.0/12 and 10.128.0.0/10 overlaps a route of " +
      "this host; give a CNI configuration of your own",
  );
}

/** The persisted subnet unless the host now uses it for something else; else a new one, persisted in `file`. */
export async function stableSubnet(options: {
  readonly file: string;
  readonly bridge: string;
  readonly instance: { readonly hash: string; readonly isDefault: boolean };
}): Promise<Subnet> {
  const used = await usedSubnets(options.bridge);
  const persisted = parseSubnet(await persistedSubnet(options.file));
  if (persisted && !used.some((subnet) => overlaps(subnet, persisted))) return persisted;
  const chosen = chooseSubnet(used, options.instance);
  await writeFile(`${options.file}.tmp`, `${JSON.stringify({ version: 1, subnet: formatSubnet(chosen) })}\n`);
  await rename(`${options.file}.tmp`, options.file);
  return chosen;
}

async function persistedSubnet(file: string): Promise<string> {
  try {
    const value = JSON.parse(await readFile(file, "utf8")) as { subnet?: unknown } | null;
    return typeof value?.subnet === "string" ? value.subnet : "";
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return "";
    throw error;
  }
}

/** Every IPv4 network that an address or a route of this host names, but for those of `bridge`. */
async function usedSubnets(bridge: string): Promise<readonly Subnet[]> {
  const addresses = Object.entries(networkInterfaces())
    .filter(([name]) => name !== bridge)
    .flatMap(([, list]) => list ?? [])
    .flatMap(({ cidr }) => parseSubnet(cidr ?? "") ?? []);
  return [...addresses, ...parseRoutes(await readFile("/proc/net/route", "utf8"), bridge)];
}

/** The destinations in /proc/net/route (hexadecimal, in the byte order of the machine: little-endian), without the default route. */
export function parseRoutes(text: string, ignoredInterface: string): readonly Subnet[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const fields = line.split("\t");
      const bits = ones(swap(Number.parseInt(fields[7] ?? "", 16)));
      if (fields.length < 8 || fields[0] === ignoredInterface || bits === 0) return [];
      return [{ address: mask(swap(Number.parseInt(fields[1] ?? "", 16)), bits), bits }];
    });
}

function mask(address: number, bits: number): number {
  return bits === 0 ? 0 : (address & (~0 << (32 - bits))) >>> 0;
}

function swap(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

function ones(value: number): number {
  return value.toString(2).replaceAll("0", "").length;
}
