/** The containers of a Pod's description. */
import type { Container, ContainerState, ContainerStatus, EnvVar, Quantity } from "../../api/gen/types.ts";
import { type Description, timeText } from "./text.ts";

/** A section such as `Containers:`. Nothing when there are none. */
export function describeContainers(
  out: Description,
  title: string,
  containers: readonly Container[],
  statuses: readonly ContainerStatus[],
): void {
  if (containers.length === 0) return;
  out.line(0, `${title}:`);
  for (const container of containers) {
    out.line(1, `${container.name}:`);
    describeOne(
      out,
      container,
      statuses.find(({ name }) => name === container.name),
    );
  }
}

function describeOne(out: Description, container: Container, status: ContainerStatus | undefined): void {
  if (status) out.line(2, "Container ID:", status.containerID ?? "");
  out.line(2, "Image:", container.image ?? "");
  if (status) out.line(2, "Image ID:", status.imageID);
  describePorts(out, container);
  listLines(out, "Command", container.command);
  listLines(out, "Args", container.args);
  if (status) {
    describeState(out, "State", status.state);
    if (status.lastState && Object.keys(status.lastState).length > 0)
      describeState(out, "Last State", status.lastState);
    out.line(2, "Ready:", status.ready ? "True" : "False");
    out.line(2, "Restart Count:", String(status.restartCount));
  }
  quantities(out, "Limits", container.resources?.limits);
  quantities(out, "Requests", container.resources?.requests);
  describeEnvironment(out, container);
  const mounts = (container.volumeMounts ?? []).toSorted((a, b) => (a.mountPath < b.mountPath ? -1 : 1));
  out.line(2, "Mounts:", ...(mounts.length === 0 ? ["<none>"] : []));
  for (const mount of mounts) {
    const flags = [mount.readOnly === true ? "ro" : "rw", ...(mount.subPath ? [`path="${mount.subPath}"`] : [])];
    out.line(3, `${mount.mountPath} from ${mount.name} (${flags.join(",")})`);
  }
}

function describePorts(out: Description, container: Container): void {
  const ports = container.ports ?? [];
  const title = ports.length > 1 ? "Ports" : "Port";
  const text = (value: (port: (typeof ports)[number]) => number): string =>
    ports.map((port) => `${value(port)}/${port.protocol ?? "TCP"}`).join(", ") || "<none>";
  out.line(
    2,
    `${title}:`,
    text((port) => port.containerPort),
  );
  out.line(
    2,
    `Host ${title}:`,
    text((port) => port.hostPort ?? 0),
  );
}

function listLines(out: Description, title: string, words: readonly string[] | undefined): void {
  if (!words || words.length === 0) return;
  out.line(2, `${title}:`);
  for (const word of words) for (const line of word.split("\n")) out.line(3, line);
}

function describeState(out: Description, title: string, state: ContainerState | undefined): void {
  if (state?.running) {
    out.line(2, `${title}:`, "Running").line(3, "Started:", timeText(state.running.startedAt));
  } else if (state?.terminated) {
    const { reason, message, exitCode, signal, startedAt, finishedAt } = state.terminated;
    out.line(2, `${title}:`, "Terminated");
    if (reason) out.line(3, "Reason:", reason);
    if (message) out.line(3, "Message:", message);
    out.line(3, "Exit Code:", String(exitCode));
    if (signal) out.line(3, "Signal:", String(signal));
    out.line(3, "Started:", timeText(startedAt)).line(3, "Finished:", timeText(finishedAt));
  } else {
    out.line(2, `${title}:`, "Waiting");
    if (state?.waiting?.reason) out.line(3, "Reason:", state.waiting.reason);
  }
}

function quantities(out: Description, title: string, values: Readonly<Record<string, Quantity>> | undefined): void {
  const entries = Object.entries(values ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return;
  out.line(2, `${title}:`);
  for (const [name, value] of entries) out.line(3, `${name}:`, String(value));
}

function describeEnvironment(out: Description, container: Container): void {
  const from = container.envFrom ?? [];
  if (from.length > 0) {
    out.line(2, "Environment Variables from:");
    for (const source of from) {
      const [kind, ref] = source.configMapRef ? ["ConfigMap", source.configMapRef] : ["Secret", source.secretRef];
      const prefix = source.prefix ? ` with prefix '${source.prefix}'` : "";
      out.line(3, ref?.name ?? "", `${kind}${prefix}`, `Optional: ${ref?.optional === true}`);
    }
  }
  const env = container.env ?? [];
  out.line(2, "Environment:", ...(env.length === 0 ? ["<none>"] : []));
  for (const variable of env) {
    const [first = "", ...more] = environmentValue(variable).split("\n");
    out.line(3, `${variable.name}:`, first);
    for (const line of more) out.line(3, "", line);
  }
}

function environmentValue({ value, valueFrom }: EnvVar): string {
  if (valueFrom?.fieldRef) return ` (${valueFrom.fieldRef.apiVersion ?? "v1"}:${valueFrom.fieldRef.fieldPath})`;
  if (valueFrom?.resourceFieldRef) return ` (${valueFrom.resourceFieldRef.resource})`;
  const key = valueFrom?.configMapKeyRef ?? valueFrom?.secretKeyRef;
  if (!key) return value ?? "";
  const kind = valueFrom?.configMapKeyRef ? "config map" : "secret";
  const of = valueFrom?.configMapKeyRef ? "of" : "in";
  return `<set to the key '${key.key}' ${of} ${kind} '${key.name ?? ""}'>\tOptional: ${key.optional === true}`;
}
