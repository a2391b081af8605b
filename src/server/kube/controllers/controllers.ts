/**
 * What the controller manager does in a cluster, as far as one node needs it. Each controller is level-triggered: the
 * store's watch says which key to look at, and what is missing is done in that look. An idle node does nothing here.
 */
import type { KubeServerOptions } from "../context.ts";
import { ensureInitialObjects } from "./initial-objects.ts";
import { EVENT_TTL_MS, EventExpiry } from "./event-expiry.ts";
import { collectGarbage } from "./garbage-collector.ts";
import { keepNamespaceContent } from "./namespace-content.ts";
import { endNamespaces } from "./namespace-end.ts";
import { collectPods } from "./pod-collector.ts";
import { tellQuotaStatus } from "./quota-status.ts";
import { bindVolumes } from "./volume-binder.ts";
import { protectVolumes } from "./volume-protection.ts";

/** Starts them all. Dispose to stop. */
export function startControllers(node: KubeServerOptions): Disposable {
  const running = new DisposableStack();
  // Before the others: accounts and certificates are there when the first Pod comes.
  running.use(keepNamespaceContent(node));
  ensureInitialObjects(node);
  running.use(collectGarbage(node));
  running.use(endNamespaces(node));
  running.use(tellQuotaStatus(node));
  running.use(bindVolumes(node));
  running.use(protectVolumes(node));
  running.use(collectPods(node));
  running.use(new EventExpiry({ ...node, ttlMs: node.eventTtlMs ?? EVENT_TTL_MS }));
  return running;
}
