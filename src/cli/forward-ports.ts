/** The arguments of port-forward. */
import { UsageError } from "./exit.ts";

export interface PortPair {
  /** 0: any free port. */
  readonly local: number;
  readonly remote: number;
}

/** `8080:80`, `80` (both sides), `:80` (any free local port). */
export function parsePorts(text: string): PortPair {
  const match = /^(?:(\d*):)?(\d+)$/.exec(text);
  const remote = Number(match?.[2]);
  const local = match?.[1] === undefined ? remote : Number(match[1] === "" ? "0" : match[1]);
  if (!match || remote < 1 || remote > 65_535 || local > 65_535) {
    throw new UsageError(
      `"${text}" is not a pair of ports; write LOCAL:PORT, PORT or :PORT, with ports from 1 to 65535`,
    );
  }
  return { local, remote };
}

export interface ListenAddress {
  readonly host: string;
  /** When it can not be had, the others are enough: `localhost` means IPv4 and IPv6 where there is one. */
  readonly optional: boolean;
}

/** The addresses of the flag; default: both of localhost. */
export function addressesOf(flag: string | undefined): ListenAddress[] {
  return (flag ?? "localhost").split(",").flatMap((address): ListenAddress[] =>
    address === "localhost"
      ? [
          { host: "127.0.0.1", optional: false },
          { host: "::1", optional: true },
        ]
      : [{ host: address, optional: false }],
  );
}
