/** Requests and limits of a container. */
import { type FieldError, invalid, required } from "./field-error.ts";
import type { ResourceRequirements } from "./gen/types.ts";
import { canonicalQuantity, compareQuantity } from "./quantity.ts";
import { validateContainerResourceName } from "./resource-names.ts";

const STANDARD = ["cpu", "memory", "ephemeral-storage"];

export function* validateResources(resources: ResourceRequirements, path: string): Generator<FieldError> {
  const { limits = {}, requests = {} } = resources;
  for (const [field, amounts] of Object.entries({ limits, requests })) {
    for (const [name, amount] of Object.entries(amounts)) {
      const at = `${path}.${field}[${name}]`;
      yield* validateContainerResourceName(name, at);
      const text = canonicalQuantity(amount);
      if (compareQuantity(text, 0) < 0) yield invalid(at, text, "must be greater than or equal to 0");
      if (!mayOvercommit(name) && !/^\d+([kMGTPE]|[KMGTPE]i)?$/.test(text))
        yield invalid(at, text, "must be an integer");
    }
  }
  for (const [name, request] of Object.entries(requests)) {
    const limit = Object.hasOwn(limits, name) ? limits[name]! : undefined;
    if (limit === undefined) {
      if (!mayOvercommit(name)) yield required(`${path}.limits`, "Limit must be set for non overcommitable resources");
      continue;
    }
    const order = compareQuantity(request, limit);
    const shown = canonicalQuantity(limit);
    if (order !== 0 && !mayOvercommit(name)) {
      yield invalid(`${path}.requests`, canonicalQuantity(request), `must be equal to ${name} limit of ${shown}`);
    } else if (order > 0) {
      const message = `must be less than or equal to ${name} limit of ${shown}`;
      yield invalid(`${path}.requests`, canonicalQuantity(request), message);
    }
  }
}

/** Only what the kernel can take back may be promised twice: not huge pages, not devices. */
function mayOvercommit(name: string): boolean {
  return STANDARD.includes(name);
}
