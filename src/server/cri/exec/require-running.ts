/** Streams are served later, at another place: what can be said against them is said now. */
import { MinkeError } from "../../../base/errors.ts";
import type { Container } from "../../../runtime/runtime.ts";
import type { CriNode } from "../context.ts";
import { requireContainer } from "../find.ts";

/** Rejects with `NotFound` or `FailedPrecondition`. */
export async function requireRunning(node: CriNode, id: string, action: string): Promise<Container> {
  const container = await requireContainer(node, id, action);
  const { phase } = container.state;
  if (phase === "running") return container;
  throw new MinkeError(
    "FailedPrecondition",
    `Cannot ${action} in container "${container.config.metadata.name}": it is ${phase}, not running`,
  );
}
