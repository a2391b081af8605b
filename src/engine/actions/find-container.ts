import type { Container, Pod } from "../../api/gen/types.ts";
import { assert } from "../../base/assert.ts";
import type { ContainerKind } from "../labels.ts";

/** The container of the Pod's spec with this name, and whether it is an init container. */
export function findContainer(pod: Pod, name: string): { readonly spec: Container; readonly kind: ContainerKind } {
  const init = pod.spec?.initContainers?.find((container) => container.name === name);
  const spec = init ?? pod.spec?.containers.find((container) => container.name === name);
  assert(spec, `the plan names only containers of the Pod, not "${name}"`);
  return { spec, kind: init ? "init" : "main" };
}
