/** Creating and starting in one. */
import type { Container, ContainerConfig } from "../runtime.ts";
import type { Scope } from "../scope.ts";
import { createEntry } from "./create.ts";
import { containerOf } from "./list.ts";
import { startEntry } from "./start.ts";

/** A container that was made but could not be started stays, so that its state can be told. */
export async function runContainer(
  scope: Scope,
  sandboxId: string,
  config: ContainerConfig,
  signal?: AbortSignal,
): Promise<Container> {
  const entry = await createEntry(scope, sandboxId, config, signal);
  await startEntry(scope, entry, signal);
  return containerOf(entry);
}
