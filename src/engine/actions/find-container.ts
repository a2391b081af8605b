import type { Container, EphemeralContainer, Pod } from "../../api/gen/types.ts";
import { assert } from "../../base/assert.ts";
import type { ContainerKind } from "../labels.ts";

interface Found {
  readonly spec: Container & Pick<EphemeralContainer, "targetContainerName">;
  readonly kind: ContainerKind;
}

/** The container of the Pod's spec with this name, and which kind of container it is. */
export function findContainer({ spec }: Pod, name: string): Found {
  const lists: readonly (readonly [ContainerKind, readonly Found["spec"][]])[] = [
    ["init", spec?.initContainers ?? []],
    ["main", spec?.containers ?? []],
    ["ephemeral", spec?.ephemeralContainers ?? []],
  ];
  const all = lists.flatMap(([kind, list]) => list.map((each) => ({ spec: each, kind })));
  const found = all.find((each) => each.spec.name === name);
  assert(found, `the plan names only containers of the Pod, not "${name}"`);
  return found;
}
