/** What the filters of list requests let through. All parts of a filter must be true. */
import type { Container, Sandbox } from "../../runtime/runtime.ts";
import type { CriNode } from "./context.ts";
import { OWNER } from "./context.ts";
import { findContainer, findSandbox } from "./find.ts";
import type { ContainerFilter, PodSandboxFilter } from "./gen/runtime/v1/api_pb.ts";
import { ContainerStateSchema, PodSandboxStateSchema } from "./gen/runtime/v1/api_pb.ts";
import { known } from "./invalid.ts";
import { containerState } from "./translate/container-status.ts";
import { sandboxState } from "./translate/sandbox-status.ts";

type Labels = Readonly<Record<string, string>>;

/** Sandboxes, oldest first. */
export async function selectSandboxes(
  node: CriNode,
  filter: Partial<Pick<PodSandboxFilter, "id" | "state" | "labelSelector">> = {},
): Promise<readonly Sandbox[]> {
  const { id = "", state, labelSelector = {} } = filter;
  if (state) known(PodSandboxStateSchema, state.state, "filter.state.state");
  const one = id === "" ? undefined : await findSandbox(node, id, "filter.id");
  const all = id === "" ? await node.runtime.sandboxes({ owner: OWNER }) : one ? [one] : [];
  return all
    .filter((sandbox) => (!state || sandboxState(sandbox) === state.state) && has(sandbox.config.labels, labelSelector))
    .toSorted(byAge);
}

/** Containers, oldest first. */
export async function selectContainers(
  node: CriNode,
  filter: Partial<Pick<ContainerFilter, "id" | "state" | "podSandboxId" | "labelSelector">> = {},
): Promise<readonly Container[]> {
  const { id = "", podSandboxId = "", state, labelSelector = {} } = filter;
  if (state) known(ContainerStateSchema, state.state, "filter.state.state");
  const sandboxId =
    podSandboxId === "" ? undefined : (await findSandbox(node, podSandboxId, "filter.pod_sandbox_id"))?.id;
  if (podSandboxId !== "" && sandboxId === undefined) return [];
  const one = id === "" ? undefined : await findContainer(node, id, "filter.id");
  const all =
    id === "" ? await node.runtime.containers({ owner: OWNER, ...(sandboxId && { sandboxId }) }) : one ? [one] : [];
  return all
    .filter(
      (container) =>
        (sandboxId === undefined || container.sandboxId === sandboxId) &&
        (!state || containerState(container) === state.state) &&
        has(container.config.labels, labelSelector),
    )
    .toSorted(byAge);
}

function has(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

function byAge(a: Sandbox | Container, b: Sandbox | Container): number {
  return a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1);
}

/** Items in one message of a stream: with the largest annotations that Kubernetes takes (256 KiB) below 16 MiB by far. */
const ITEMS_PER_MESSAGE = 16;

/** Cuts a list for a stream. No item, no message. */
export function* inMessages<T>(items: readonly T[]): Iterable<T[]> {
  for (let start = 0; start < items.length; start += ITEMS_PER_MESSAGE) {
    yield items.slice(start, start + ITEMS_PER_MESSAGE);
  }
}
