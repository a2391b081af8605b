/** How a Pod is doing, as `play` needs to know it. All pure. */
import type { ContainerStatus, Pod } from "../../api/gen/types.ts";
import { ownStatuses } from "../pod-containers.ts";

/** True when the Pod will run no more. */
export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** True when every container of the Pod runs, or has run. */
export function hasStarted(pod: Pod): boolean {
  const statuses = pod.status?.containerStatuses ?? [];
  const began = (status: ContainerStatus): boolean =>
    status.state?.running !== undefined || status.state?.terminated !== undefined;
  return hasEnded(pod) || (statuses.length === (pod.spec?.containers.length ?? 0) && statuses.every(began));
}

/**
 * The exit code for Pods that have all ended: 0 when all succeeded; of a single failed Pod the code of the container that
 * failed first; else 1.
 */
export function exitCodeOf(pods: readonly Pod[]): number {
  const failed = pods.filter((pod) => pod.status?.phase !== "Succeeded");
  if (failed.length === 0) return 0;
  return failed.length === 1 ? failureCode(failed[0]!) : 1;
}

function failureCode(pod: Pod): number {
  const codes = ownStatuses(pod)
    .map((status) => status.state?.terminated)
    .filter((terminated) => terminated !== undefined && terminated.exitCode !== 0)
    .sort((a, b) => ((a?.finishedAt ?? "") < (b?.finishedAt ?? "") ? -1 : 1));
  return codes[0]?.exitCode ?? 1;
}

/** Why a Pod failed, for a person: `container web ended with exit code 3 (Error)`. Empty when it did not fail. */
export function failureText(pod: Pod): string {
  if (pod.status?.phase !== "Failed") return "";
  const own = [pod.status.reason, pod.status.message].filter((text) => text !== undefined && text !== "").join(": ");
  const containers = ownStatuses(pod).flatMap(({ name, state }) => {
    const ended = state?.terminated;
    if (!ended || ended.exitCode === 0) return [];
    const why = [ended.reason, ended.message].filter((text) => text !== undefined && text !== "").join(": ");
    return [`container ${name} ended with exit code ${ended.exitCode}${why === "" ? "" : ` (${why})`}`];
  });
  return [own, ...containers].filter((text) => text !== "").join("; ");
}

/** Where the Pod can be reached from this host: one URL per TCP port that the host forwards to it. */
export function urlsOf(pod: Pod): string[] {
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const urls = ports.flatMap((port) => {
    const number = port.hostPort ?? (pod.spec?.hostNetwork === true ? port.containerPort : undefined);
    if (number === undefined || number === 0 || (port.protocol ?? "TCP") !== "TCP") return [];
    const anywhere = ["", "0.0.0.0", "::", undefined].includes(port.hostIP);
    const host = anywhere ? "localhost" : port.hostIP!.includes(":") ? `[${port.hostIP}]` : port.hostIP!;
    return [`${number === 443 ? "https" : "http"}://${host}:${number}`];
  });
  return [...new Set(urls)];
}
