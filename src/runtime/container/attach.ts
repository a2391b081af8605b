/** Joining the streams of a container's own process. */
import { attachTo } from "../../oci/attach.ts";
import { containerPaths } from "../layout.ts";
import type { StreamSession } from "../runtime.ts";
import { handlerOf, type Scope } from "../scope.ts";
import { requireRunning } from "./list.ts";
import { sizeTeller } from "./terminal-size.ts";

/** Output from now on. A container that was made without stdin takes none. Closing detaches, and the container runs on. */
export async function attach(scope: Scope, id: string): Promise<StreamSession> {
  const { record } = await requireRunning(scope, id, "attach");
  const { conmon } = handlerOf(scope, record);
  const { bundle } = containerPaths(scope.layout, id);
  const { stdin, tty } = record.config;
  const bridge = await attachTo(scope.host, bundle, tty);
  return {
    ...(stdin ? { stdin: bridge.stdin } : {}),
    stdout: bridge.stdout,
    ...(tty ? {} : { stderr: bridge.stderr }),
    resize: tty ? sizeTeller(scope.clock, (width, height) => conmon.resize(bundle, width, height)) : () => {},
    exited: bridge.exited.then(() => 0),
    close: () => bridge.close(),
  };
}
