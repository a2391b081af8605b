import { readFileSync } from "node:fs";

import type { Pod, RuntimeClass } from "../../api/gen/types.ts";
import { messageOf, MinkeError } from "../../base/errors.ts";
import type { LiveScene } from "../act.ts";
import type { Action } from "../action.ts";
import type { Deps } from "../deps.ts";
import { dnsOf } from "../dns.ts";
import { sandboxConfig } from "../translate.ts";

/** What the runtime gives a Pod that says nothing. */
const RESOLV_CONF = "/etc/resolv.conf";

export async function runSandbox(
  { deps, pod, memory }: LiveScene,
  { attempt }: Action & { readonly type: "RunSandbox" },
  signal: AbortSignal,
): Promise<void> {
  using _span = deps.trace.span(memory.uid, "engine.sandbox");
  using _slot = await deps.startSlots.acquire();
  signal.throwIfAborted();
  const resolvConf = (pod.spec?.hostNetwork ? undefined : deps.node.resolvConf) ?? RESOLV_CONF;
  const dns = dnsOf(pod, () => readFileSync(resolvConf, "utf8"), { always: resolvConf !== RESOLV_CONF });
  try {
    const runtimeHandler = runtimeHandlerOf(deps, pod);
    const config = sandboxConfig(pod, { attempt, podLogs: deps.paths.podLogs, dns, runtimeHandler });
    await deps.runtime.runSandbox(config, signal);
  } catch (error) {
    const message = `Failed to create pod sandbox: ${messageOf(error)}`;
    if (!signal.aborted) deps.events.record(pod, "Warning", "FailedCreatePodSandBox", message);
    throw error;
  }
}

/** The OCI runtime that the Pod's RuntimeClass stands for. */
function runtimeHandlerOf({ store }: Deps, { spec }: Pod): string {
  const name = spec?.runtimeClassName ?? "";
  if (name === "") return "";
  const found = store.get({ resource: "runtimeclasses.node.k8s.io", namespace: "", name });
  if (found) return (found as RuntimeClass).handler;
  throw new MinkeError("NotFound", `RuntimeClass "${name}" not found`);
}
