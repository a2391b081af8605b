/** What exec and attach share: the container and the streams that the client asks for. */
import type { Pod } from "../../../api/gen/types.ts";
import { badRequest } from "../../../api/status.ts";
import type { ContainerRef } from "../../../engine/engine.ts";
import type { StreamOptions } from "../../stream/session-channels.ts";
import type { ResourceContext } from "../context.ts";
import { storedObject } from "../objects/get.ts";
import { isTrue } from "../request-info.ts";
import { containerNameOf } from "./container-of.ts";

/** The running container that the request names. */
export async function runningContainer(context: ResourceContext, action: string): Promise<ContainerRef> {
  const pod = storedObject(context) as Pod;
  const phase = pod.status?.phase;
  if (phase === "Succeeded" || phase === "Failed") {
    throw badRequest(`cannot ${action} a container in a completed pod; current phase is ${phase}`);
  }
  const name = containerNameOf(pod, context.query.get("container") ?? "");
  const container = await context.node.engine.container(pod, name);
  if (!container.running) throw badRequest(`unable to upgrade connection: container not found ("${name}")`);
  return container;
}

/** The streams of the query. With a terminal there is no standard error of its own. */
export function streamOptionsOf({ query }: ResourceContext): StreamOptions {
  const asked = (name: string): boolean => isTrue(query.get(name));
  const options = { stdin: asked("stdin"), stdout: asked("stdout"), stderr: asked("stderr"), tty: asked("tty") };
  if (options.tty && options.stderr) throw badRequest("tty and stderr cannot both be true");
  if (options.stdin || options.stdout || options.stderr) return options;
  throw badRequest("you must specify at least 1 of stdin, stdout, stderr");
}

/** A Pod that port forwarding can reach. */
export function requirePod(context: ResourceContext): Pod {
  const pod = storedObject(context) as Pod;
  if (pod.status?.phase === "Running") return pod;
  throw badRequest(
    `unable to forward port because pod is not running. Current status=${pod.status?.phase ?? "Unknown"}`,
  );
}
