/** `minke describe pod`. */
import type { Event, Pod } from "../../api/gen/types.ts";
import { age } from "../../api/human-duration.ts";
import { describeContainers } from "./container.ts";
import { describeEvents } from "./events.ts";
import { annotations, Description, pairs, timeText } from "./text.ts";
import { describeVolumes } from "./volume.ts";

/** The description, with tabs between cells. `now` in milliseconds since the epoch. */
export function describePod(pod: Pod, events: readonly Event[] | undefined, now: number): string {
  const out = new Description();
  describeHead(out, pod, now);
  const { spec, status } = pod;
  describeContainers(out, "Init Containers", spec?.initContainers ?? [], status?.initContainerStatuses ?? []);
  describeContainers(out, "Containers", spec?.containers ?? [], status?.containerStatuses ?? []);
  const ephemeral = spec?.ephemeralContainers ?? [];
  describeContainers(out, "Ephemeral Containers", ephemeral, status?.ephemeralContainerStatuses ?? []);
  const conditions = status?.conditions ?? [];
  if (conditions.length > 0) {
    out.line(0, "Conditions:").line(1, "Type", "Status");
    for (const condition of conditions) out.line(1, `${condition.type} `, `${condition.status} `);
  }
  describeVolumes(out, spec?.volumes ?? []);
  out.line(0, "QoS Class:", status?.qosClass ?? "");
  pairs(out, "Node-Selectors", spec?.nodeSelector);
  const tolerations = spec?.tolerations ?? [];
  if (tolerations.length === 0) out.line(0, "Tolerations:", "<none>");
  tolerations.forEach((toleration, i) => {
    const value = toleration.value ? `=${toleration.value}` : "";
    const effect = toleration.effect ? `:${toleration.effect}` : "";
    const space = toleration.key || toleration.effect ? " " : "";
    const exists = toleration.operator === "Exists" && !toleration.value ? `${space}op=Exists` : "";
    const seconds = toleration.tolerationSeconds === undefined ? "" : ` for ${toleration.tolerationSeconds}s`;
    out.line(0, i === 0 ? "Tolerations:" : "", `${toleration.key ?? ""}${value}${effect}${exists}${seconds}`);
  });
  describeEvents(out, events, now);
  return out.text();
}

function describeHead(out: Description, { metadata, spec, status }: Pod, now: number): void {
  out.line(0, "Name:", metadata.name ?? "");
  out.line(0, "Namespace:", metadata.namespace ?? "");
  out.line(0, "Priority:", String(spec?.priority ?? 0));
  if (spec?.runtimeClassName) out.line(0, "Runtime Class Name:", spec.runtimeClassName);
  out.line(0, "Service Account:", spec?.serviceAccountName ?? "");
  out.line(0, "Node:", spec?.nodeName ? `${spec.nodeName}/${status?.hostIP ?? ""}` : "<none>");
  if (status?.startTime) out.line(0, "Start Time:", timeText(status.startTime));
  pairs(out, "Labels", metadata.labels);
  annotations(out, metadata.annotations);
  if (metadata.deletionTimestamp && status?.phase !== "Failed" && status?.phase !== "Succeeded") {
    out.line(0, "Status:", `Terminating (lasts ${age(metadata.deletionTimestamp, now)})`);
    out.line(0, "Termination Grace Period:", `${metadata.deletionGracePeriodSeconds ?? 0}s`);
  } else out.line(0, "Status:", status?.phase ?? "");
  if (status?.reason) out.line(0, "Reason:", status.reason);
  if (status?.message) out.line(0, "Message:", status.message);
  const seccomp = spec?.securityContext?.seccompProfile;
  if (seccomp) out.line(0, "SeccompProfile:", seccomp.type);
  if (seccomp?.localhostProfile) out.line(0, "LocalhostProfile:", seccomp.localhostProfile);
  out.line(0, "IP:", status?.podIP ?? "");
  const ips = status?.podIPs ?? [];
  if (ips.length === 0) return void out.line(0, "IPs:", "<none>");
  out.line(0, "IPs:");
  for (const { ip } of ips) out.line(1, "IP:", ip);
}
