import type { Image } from "../../runtime/image.ts";
import type { LiveScene } from "../act.ts";
import type { Action } from "../action.ts";
import { findContainer } from "./find-container.ts";

/** Makes an image present ahead of the sandbox; the container's first start takes it. */
export async function ensureImage(
  scene: LiveScene,
  { name }: Action & { readonly type: "EnsureImage" },
  signal: AbortSignal,
): Promise<void> {
  const { deps, memory } = scene;
  using _span = deps.trace.span(memory.uid, "engine.image", name);
  memory.images.set(name, await presentImage(scene, name, signal));
}

/** A container's image, made present; while it comes, the container's status tells how far it is. */
export async function presentImage(
  { deps, pod, memory, wake }: LiveScene,
  name: string,
  signal: AbortSignal,
): Promise<Image> {
  const { spec, kind } = findContainer(pod, name);
  const onProgress = (message: string): void => {
    memory.pulling.set(name, message);
    wake();
  };
  try {
    return await deps.puller.ensure(pod, spec, { kind, signal, onProgress });
  } finally {
    memory.pulling.delete(name);
  }
}
