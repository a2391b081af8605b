/**
 * Finding what an id means: the id itself, or a prefix that only one has, as every CRI runtime takes it for the sake of
 * people at crictl. Only what came over the CRI is there: what the engine made does not exist for a kubelet.
 */
import { MinkeError } from "../../base/errors.ts";
import type { Container, Sandbox } from "../../runtime/runtime.ts";
import type { CriNode } from "./context.ts";
import { OWNER } from "./context.ts";
import { invalid, required } from "./invalid.ts";

const PREFIX = /^[0-9a-f]{1,63}$/;

/** undefined when there is none. */
export async function findSandbox(node: CriNode, id: string, field = "pod_sandbox_id"): Promise<Sandbox | undefined> {
  const [exact] = await node.runtime.sandboxes({ owner: OWNER, id: required(id, field) });
  if (exact || !PREFIX.test(id)) return exact;
  return onlyOne(await node.runtime.sandboxes({ owner: OWNER }), id, field);
}

/** Rejects with `NotFound` when there is none. */
export async function requireSandbox(node: CriNode, id: string, action: string): Promise<Sandbox> {
  const sandbox = await findSandbox(node, id);
  if (sandbox) return sandbox;
  throw new MinkeError("NotFound", `Cannot ${action}: there is no sandbox "${id}"; see crictl pods`);
}

/** undefined when there is none. */
export async function findContainer(node: CriNode, id: string, field = "container_id"): Promise<Container | undefined> {
  const [exact] = await node.runtime.containers({ owner: OWNER, id: required(id, field) });
  if (exact || !PREFIX.test(id)) return exact;
  return onlyOne(await node.runtime.containers({ owner: OWNER }), id, field);
}

/** Rejects with `NotFound` when there is none. */
export async function requireContainer(node: CriNode, id: string, action: string): Promise<Container> {
  const container = await findContainer(node, id);
  if (container) return container;
  throw new MinkeError("NotFound", `Cannot ${action}: there is no container "${id}"; see crictl ps -a`);
}

function onlyOne<T extends { readonly id: string }>(all: readonly T[], prefix: string, field: string): T | undefined {
  const found = all.filter((each) => each.id.startsWith(prefix));
  if (found.length > 1) throw invalid(field, prefix, `${found.length} ids begin with it; give more of it`);
  return found[0];
}
