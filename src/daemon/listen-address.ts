/** Where the API is served over HTTPS: what `--listen` says, and what is chosen when it says nothing. */
import { isIP } from "node:net";

import { DEFAULT_INSTANCE, type Instance } from "../host/instance.ts";

/** `off`, or an address to listen on. */
export interface ListenAddress {
  readonly host: string;
  /** 0 = any that is free. */
  readonly port: number;
}

const LOOPBACK = "127.0.0.1";
/** Kubernetes' own (--secure-port). */
const DEFAULT_PORT = 6443;
/** Ports of other instances: below those that the kernel gives to outgoing connections. */
const OTHER_PORTS = { first: 20_000, count: 10_000 } as const;

/** Reads `ADDRESS:PORT`, an IPv6 address in brackets; undefined when it is neither. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[(?<six>[^\]]+)\]|(?<four>[^:]+)):(?<port>\d{1,5})$/.exec(text);
  const { six, four, port } = match?.groups ?? {};
  const host = six ?? four ?? "";
  const number = Number(port ?? Number.NaN);
  if (isIP(host) !== (six === undefined ? 4 : 6) || !(number <= 65_535)) return undefined;
  return { host, port: number };
}

/**
 * The addresses to try in order when nothing is said, so that a second node never fails for the port of the first: the
 * instance's own port, which is the same after every start, then any that is free.
 */
export function usualAddresses(instance: Pick<Instance, "name" | "hash">): readonly ListenAddress[] {
  return usualPorts(instance).map((port) => ({ host: LOOPBACK, port }));
}

/** The same for any address. */
export function usualPorts({ name, hash }: Pick<Instance, "name" | "hash">): readonly number[] {
  const own =
    name === DEFAULT_INSTANCE ? DEFAULT_PORT : OTHER_PORTS.first + (Number.parseInt(hash, 16) % OTHER_PORTS.count);
  return [own, 0];
}

/** `https://127.0.0.1:6443`; who listens on every address is reached at the loopback one. */
export function urlOf({ host, port }: ListenAddress): string {
  if (host === "0.0.0.0") return `https://${LOOPBACK}:${port}`;
  if (host === "::") return `https://[::1]:${port}`;
  return `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}
