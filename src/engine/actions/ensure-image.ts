import type { Pod } from "../../api/gen/types.ts";
import type { Scene } from "../act.ts";
import type { Action } from "../action.ts";
import { findContainer } from "./find-container.ts";

/** Makes an image present ahead of the sandbox; the container's first start takes it. */
export async function ensureImage(
  { deps, pod, memory }: Scene & { readonly pod: Pod },
  { name }: Action & { readonly type: "EnsureImage" },
  signal: AbortSignal,
): Promise<void> {
  using _span = deps.trace.span(memory.uid, "engine.image", name);
  const { spec, kind } = findContainer(pod, name);
  memory.images.set(name, await deps.puller.ensure(pod, spec, kind, signal));
}
