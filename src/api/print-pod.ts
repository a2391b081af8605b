/** Rows of Pods. The STATUS column follows the API server's printPod, since people and scripts know its words. */
import type { Container, ContainerStatus, Pod } from "./gen/types.ts";
import { age } from "./human-duration.ts";
import { AGE, column, NAME, type Printer } from "./printer.ts";

const NONE = "<none>";

export const printPod: Printer = {
  columns: [
    NAME,
    column("Ready", "How many of the Pod's containers are ready, of how many."),
    column("Status", "The state of the Pod's containers in one word."),
    column("Restarts", "How often its containers were restarted, and when last."),
    AGE,
    column("IP", "The Pod's address.", "wide"),
    column("Node", "The node that runs the Pod.", "wide"),
    column("Nominated Node", "The node that the Pod waits for.", "wide"),
    column("Readiness Gates", "How many of its readiness gates are true, of how many.", "wide"),
  ],
  cells(object, now) {
    const pod = object as Pod;
    const { ready, total, status, restarts, lastRestart } = summaryOf(pod);
    const since = restarts > 0 && lastRestart !== undefined ? ` (${age(lastRestart, now)} ago)` : "";
    return [
      pod.metadata.name ?? "",
      `${ready}/${total}`,
      status,
      `${restarts}${since}`,
      age(pod.metadata.creationTimestamp, now),
      pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || NONE,
      pod.spec?.nodeName || NONE,
      pod.status?.nominatedNodeName || NONE,
      readinessGatesOf(pod),
    ];
  },
  conditions(object) {
    const reason = (object as Pod).status?.phase;
    if (reason !== "Succeeded" && reason !== "Failed") return {};
    return { conditions: [{ type: "Completed", status: "True", reason }] };
  },
};

export interface PodSummary {
  readonly ready: number;
  readonly total: number;
  /** `Running`, `Init:0/2`, `CrashLoopBackOff`, `Completed`, `Terminating` … */
  readonly status: string;
  readonly restarts: number;
  /** When a container that was restarted last had ended. */
  readonly lastRestart: string | undefined;
}

/** What the first four columns say. */
export function summaryOf(pod: Pod): PodSummary {
  const init = summarizeInit(pod);
  const restarted = { restarts: init.restarts, lastRestart: init.lastRestart };
  const main = init.status === undefined || isTrue(pod, "Initialized") ? summarizeMain(pod, init) : undefined;
  const sidecars = (pod.spec?.initContainers ?? []).filter(isSidecar).length;
  return {
    ready: init.ready + (main?.ready ?? 0),
    total: (pod.spec?.containers ?? []).length + sidecars,
    status: deletion(pod) ?? main?.status ?? init.status ?? reasonOf(pod),
    ...(main ? { restarts: main.restarts, lastRestart: main.lastRestart } : restarted),
  };
}

interface InitSummary {
  readonly ready: number;
  readonly restarts: number;
  readonly lastRestart: string | undefined;
  readonly sidecarRestarts: number;
  readonly sidecarLastRestart: string | undefined;
  /** Undefined when initialization is through. */
  readonly status: string | undefined;
}

function summarizeInit(pod: Pod): InitSummary {
  const specs = new Map((pod.spec?.initContainers ?? []).map((container) => [container.name, container]));
  let [ready, restarts, sidecarRestarts] = [0, 0, 0];
  let [lastRestart, sidecarLastRestart]: (string | undefined)[] = [undefined, undefined];
  let status: string | undefined;
  for (const [index, container] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const sidecar = isSidecar(specs.get(container.name));
    restarts += container.restartCount;
    lastRestart = later(lastRestart, container);
    if (sidecar) {
      sidecarRestarts += container.restartCount;
      sidecarLastRestart = later(sidecarLastRestart, container);
    }
    if (container.state?.terminated?.exitCode === 0) continue;
    if (sidecar && container.started) {
      if (container.ready) ready++;
      continue;
    }
    status = `Init:${initReason(container) ?? `${index}/${specs.size}`}`;
    break;
  }
  return { ready, restarts, lastRestart, sidecarRestarts, sidecarLastRestart, status };
}

function initReason({ state }: ContainerStatus): string | undefined {
  if (state?.terminated) return exitReason(state.terminated);
  const waiting = state?.waiting?.reason;
  return waiting && waiting !== "PodInitializing" ? waiting : undefined;
}

function exitReason(terminated: NonNullable<NonNullable<ContainerStatus["state"]>["terminated"]>): string {
  if (terminated.reason) return terminated.reason;
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

function summarizeMain(pod: Pod, init: InitSummary): Omit<PodSummary, "total"> {
  let reason = init.status ?? reasonOf(pod);
  let [ready, restarts, lastRestart] = [0, init.sidecarRestarts, init.sidecarLastRestart];
  let failure = "";
  for (const container of (pod.status?.containerStatuses ?? []).toReversed()) {
    const { state } = container;
    restarts += container.restartCount;
    lastRestart = later(lastRestart, container);
    if (state?.waiting?.reason) reason = state.waiting.reason;
    else if (state?.terminated) {
      reason = exitReason(state.terminated);
      if (state.terminated.exitCode !== 0) failure = reason;
    } else if (container.ready && state?.running) ready++;
  }
  if (reason === "Completed") {
    // One that has ended well says nothing while another still runs, or has failed.
    if (ready > 0 && isTrue(pod, "Ready")) reason = "Running";
    else if (failure !== "") reason = failure;
    else if (ready > 0) reason = "NotReady";
  }
  return { ready, status: reason, restarts, lastRestart };
}

/** The word before containers are looked at. */
function reasonOf(pod: Pod): string {
  const gated = pod.status?.conditions?.some(
    ({ type, reason }) => type === "PodScheduled" && reason === "SchedulingGated",
  );
  return gated ? "SchedulingGated" : pod.status?.reason || pod.status?.phase || "";
}

function deletion(pod: Pod): string | undefined {
  if (!pod.metadata.deletionTimestamp) return undefined;
  if (pod.status?.reason === "NodeLost") return "Unknown";
  const { phase } = pod.status ?? {};
  return phase === "Succeeded" || phase === "Failed" ? undefined : "Terminating";
}

function later(time: string | undefined, { lastState }: ContainerStatus): string | undefined {
  const finished = lastState?.terminated?.finishedAt;
  if (finished === undefined) return time;
  return time === undefined || Date.parse(time) < Date.parse(finished) ? finished : time;
}

function isSidecar(container: Container | undefined): boolean {
  return container?.restartPolicy === "Always";
}

function isTrue(pod: Pod, condition: string): boolean {
  return pod.status?.conditions?.find(({ type }) => type === condition)?.status === "True";
}

function readinessGatesOf(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return NONE;
  return `${gates.filter(({ conditionType }) => isTrue(pod, conditionType)).length}/${gates.length}`;
}
