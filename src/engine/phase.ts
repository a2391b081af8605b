/** The Pod's phase from its containers' states. Pure. Kubernetes: pkg/kubelet/kubelet_pods.go, getPhase. */
import type { ContainerStatus } from "../api/gen/types.ts";

export interface PhaseInput {
  readonly policy: string;
  /** The Pod has to end and nothing of it runs: it will not be restarted whatever the policy says. */
  readonly ended: boolean;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
}

export function phaseOf({ policy, ended, initStatuses, statuses }: PhaseInput): string {
  const inits = initStatuses.map(initState);
  if (ended) return endedPhase(inits, statuses);
  if (inits.includes("failed") && policy === "Never") return "Failed";
  const started = statuses.some((status) => status.state?.running || exitOf(status) !== undefined);
  if (inits.includes("pending") && !started) return "Pending";
  if (inits.includes("failed") && !started) return "Pending";
  if (statuses.some((status) => status.state?.waiting && !status.lastState?.terminated)) return "Pending";
  if (statuses.some((status) => status.state?.running)) return "Running";
  if (statuses.length === 0) return "Pending";
  if (policy === "Always") return "Running";
  if (statuses.every((status) => status.state?.terminated?.exitCode === 0)) return "Succeeded";
  return policy === "Never" && statuses.every((status) => status.state?.terminated) ? "Failed" : "Running";
}

function endedPhase(inits: readonly InitState[], statuses: readonly ContainerStatus[]): string {
  const succeeded =
    inits.every((init) => init === "done") && statuses.every((status) => status.state?.terminated?.exitCode === 0);
  return succeeded ? "Succeeded" : "Failed";
}

type InitState = "pending" | "failed" | "done";

function initState({ state, lastState }: ContainerStatus): InitState {
  if (state?.terminated) return state.terminated.exitCode === 0 ? "done" : "failed";
  const last = state?.waiting && lastState?.terminated;
  if (last) return last.exitCode === 0 ? "pending" : "failed";
  return "pending";
}

function exitOf({ state, lastState }: ContainerStatus): number | undefined {
  return state?.terminated?.exitCode ?? lastState?.terminated?.exitCode;
}
