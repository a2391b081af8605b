/** What a plugin answers to ADD: kept whole for the next plugin, read only for the addresses. */
import { MinkeError } from "../../base/errors.ts";
import type { NetworkResult } from "./attachment.ts";

/** A result in the plugin's own words (prevResult). */
export type CniResult = Readonly<Record<string, unknown>>;

export function parseResult(stdout: string, type: string): CniResult {
  try {
    const value: unknown = JSON.parse(stdout);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as CniResult;
  } catch {
    // Said below.
  }
  throw new MinkeError(
    "Internal",
    `Cannot read the result of CNI plugin "${type}": it is not a JSON object; use a plugin that follows the CNI specification`,
    { reason: "CreatePodSandboxError", details: { plugin: type } },
  );
}

/** Addresses and gateway. Rejects a result without an address: a Pod needs one (Kubernetes tries the sandbox again). */
export function networkResult(result: CniResult, network: string): NetworkResult {
  const entries = Array.isArray(result["ips"]) ? (result["ips"] as readonly unknown[]) : [];
  const ips: string[] = [];
  let gateway: string | undefined;
  for (const entry of entries) {
    const { address, gateway: via } = (entry ?? {}) as { address?: unknown; gateway?: unknown };
    if (typeof address !== "string") continue;
    ips.push(address.split("/", 1)[0]!);
    if (gateway === undefined && typeof via === "string" && via !== "") gateway = via;
  }
  if (ips.length === 0) {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot use network "${network}": it gave the Pod no IP address; add an "ipam" section to its CNI configuration`,
      { reason: "CreatePodSandboxError", details: { network } },
    );
  }
  return { ips, ...(gateway === undefined ? {} : { gateway }) };
}
