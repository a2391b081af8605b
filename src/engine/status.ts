/**
 * A Pod's status as the kubelet would tell it. Pure: what the Pod says, what the runtime shows and what the engine
 * remembers go in; the same input gives the same status. Kubernetes: pkg/kubelet/kubelet_pods.go, generateAPIPodStatus.
 */
import type { ContainerStatus, PodStatus } from "../api/gen/types.ts";
import { qosClassOf } from "../api/qos.ts";
import { rfc3339 } from "../base/clock.ts";
import { conditionsOf, type Verdict } from "./conditions.ts";
import { containerStatus } from "./container-status.ts";
import { isLive, isUsable, newestContainer } from "./observe.ts";
import { phaseOf } from "./phase.ts";
import { pendingResize } from "./resize.ts";
import type { StatusInput } from "./status-input.ts";
import { terminated } from "./terminate.ts";

export function statusOf(input: StatusInput): PodStatus {
  const { pod, observed, now, ending } = input;
  const old = pod.status ?? {};
  const spec = pod.spec;
  const inits = spec?.initContainers ?? [];
  const live = observed.containers.some(isLive);
  // Over for good: nothing runs, and nothing will.
  const ended = (ending !== undefined || input.leftAlone) && !live;
  const seen = {
    initStatuses: inits.map((container) => containerStatus(input, container, "init", ended)),
    statuses: (spec?.containers ?? []).map((container) => containerStatus(input, container, "main", ended)),
  };
  const { initStatuses, statuses } = ended ? terminated(seen) : seen;
  const ephemeral = (spec?.ephemeralContainers ?? []).map((each) => containerStatus(input, each, "ephemeral", ended));
  const { phase, reason, message } = phaseAndReason(input, ended, initStatuses, statuses);
  const sandbox = observed.sandboxes[0];
  const hostNetwork = spec?.hostNetwork === true;
  const ips = hostNetwork ? (sandbox || old.podIP ? [input.nodeIp] : []) : ipsOf(input);
  const conditions = conditionsOf({
    pod,
    now,
    phase,
    sandboxReady: isUsable(sandbox) && !ended,
    resize: ended ? [] : resizeVerdicts(input),
    initStatuses,
    statuses,
  });
  return {
    phase,
    conditions,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    hostIP: input.nodeIp,
    hostIPs: [{ ip: input.nodeIp }],
    ...(ips[0] === undefined ? {} : { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
    startTime: old.startTime ?? rfc3339(now),
    ...(inits.length === 0 ? {} : { initContainerStatuses: initStatuses }),
    // The kubelet tells regular containers by name, init containers in the order of the spec.
    containerStatuses: statuses.toSorted(byName),
    ...(ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: ephemeral.toSorted(byName) }),
    qosClass: old.qosClass ?? (spec ? qosClassOf(spec) : "BestEffort"),
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  };
}

/** What is told of new CPU and memory until the Pod has them. */
function resizeVerdicts({
  pod,
  observed,
  infeasible,
  resizeError,
}: StatusInput): readonly (readonly [string, Verdict])[] {
  if (infeasible !== undefined) {
    return [["PodResizePending", { status: "True", reason: "Infeasible", message: infeasible }]];
  }
  const pending = (pod.spec?.containers ?? []).some((spec) => {
    const newest = newestContainer(observed, spec.name);
    return newest?.state.phase === "running" && pendingResize(spec, newest) !== "none";
  });
  if (!pending) return [];
  const error = resizeError === undefined ? {} : { reason: "Error", message: resizeError };
  return [["PodResizeInProgress", { status: "True", ...error }]];
}

function byName(a: ContainerStatus, b: ContainerStatus): number {
  return a.name < b.name ? -1 : 1;
}

/** Addresses of the newest sandbox; those last known once it has lost them, since a finished Pod keeps its address. */
function ipsOf({ pod, observed }: StatusInput): readonly string[] {
  const now = observed.sandboxes[0]?.ips ?? [];
  if (now.length > 0) return now;
  return (pod.status?.podIPs ?? []).map(({ ip }) => ip);
}

const DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline";

function phaseAndReason(
  { pod, ending }: StatusInput,
  ended: boolean,
  initStatuses: Parameters<typeof phaseOf>[0]["initStatuses"],
  statuses: Parameters<typeof phaseOf>[0]["statuses"],
): Pick<PodStatus, "reason" | "message"> & { readonly phase: string } {
  const old = pod.status ?? {};
  const kept = {
    ...(old.reason === undefined ? {} : { reason: old.reason }),
    ...(old.message === undefined ? {} : { message: old.message }),
  };
  // Terminal phases never leave.
  if (old.phase === "Succeeded" || old.phase === "Failed") return { phase: old.phase, ...kept };
  if (ending === "deadline") return { phase: "Failed", reason: "DeadlineExceeded", message: DEADLINE_MESSAGE };
  const policy = pod.spec?.restartPolicy ?? "Always";
  const phase = phaseOf({ policy, ended, initStatuses, statuses });
  return { phase };
}
