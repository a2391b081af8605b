/** Probes and the handlers that they share with lifecycle hooks. */
import { type FieldError, forbidden, invalid, oneOf, required } from "./field-error.ts";
import type { LifecycleHandler, Probe } from "./gen/types.ts";
import { headerNameFaults } from "./names.ts";
import { faults } from "./validate-meta.ts";
import { validatePort } from "./validate-port.ts";

type Handler = LifecycleHandler & Pick<Probe, "grpc">;
type ProbeKind = "livenessProbe" | "readinessProbe" | "startupProbe";

export function* validateProbe(probe: Probe, kind: ProbeKind, path: string): Generator<FieldError> {
  yield* validateHandler(probe, path);
  const counts = [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const;
  for (const field of counts) {
    const value = probe[field] ?? 0;
    if (value < 0) yield invalid(`${path}.${field}`, value, "must be greater than or equal to 0");
  }
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined) {
    const at = `${path}.terminationGracePeriodSeconds`;
    if (kind === "readinessProbe") yield invalid(at, grace, "must not be set for readinessProbes");
    else if (grace <= 0) yield invalid(at, grace, "must be greater than 0");
  }
  if (kind !== "readinessProbe" && probe.successThreshold !== 1) {
    yield invalid(`${path}.successThreshold`, probe.successThreshold ?? 0, "must be 1");
  }
}

/** Exactly one way to act. `graceS` is the Pod's grace period, which a sleep must fit into. */
export function* validateHandler(handler: Handler, path: string, graceS?: number): Generator<FieldError> {
  const kinds = (["exec", "httpGet", "tcpSocket", "grpc", "sleep"] as const).filter((kind) => handler[kind]);
  for (const kind of kinds.slice(1)) yield forbidden(`${path}.${kind}`, "may not specify more than 1 handler type");
  const [first] = kinds;
  if (!first) {
    yield required(path, "must specify a handler type");
    return;
  }
  const at = `${path}.${first}`;
  if (first === "exec" && (handler.exec?.command ?? []).length === 0) yield required(`${at}.command`);
  if (first === "httpGet") yield* validateHttpGet(handler.httpGet!, at);
  if (first === "tcpSocket") yield* validatePort(handler.tcpSocket!.port, `${at}.port`);
  if (first === "grpc") yield* validatePort(handler.grpc!.port, `${at}.port`);
  const seconds = handler.sleep?.seconds ?? 0;
  if (first === "sleep" && graceS !== undefined && (seconds < 0 || seconds > graceS)) {
    yield invalid(at, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${graceS})`);
  }
}

function* validateHttpGet(get: NonNullable<Probe["httpGet"]>, path: string): Generator<FieldError> {
  if (!get.path) yield required(`${path}.path`);
  yield* validatePort(get.port, `${path}.port`);
  yield* oneOf(`${path}.scheme`, get.scheme ?? "", ["HTTP", "HTTPS"]);
  for (const header of get.httpHeaders ?? []) {
    yield* faults(`${path}.httpHeaders`, header.name, headerNameFaults(header.name));
  }
}
