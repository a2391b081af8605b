/** Joining the streams of a container's own process. */
import { attachTo } from "../../oci/attach.ts";
import { containerPaths } from "../layout.ts";
import type { StreamSession } from "../runtime.ts";
import { handlerOf, type Scope } from "../scope.ts";
import { requireRunning } from "./list.ts";

/** Output from now on. A container that was made without stdin takes none. Closing detaches, and the container runs on. */
export async function attach(scope: Scope, id: string): Promise<StreamSession> {
  const { record } = await requireRunning(scope, id, "attach");
  const { bundle } = containerPaths(scope.layout, id);
  const bridge = await attachTo(scope.host, bundle);
  const { stdin, tty } = record.config;
  return {
    ...(stdin ? { stdin: bridge.stdin } : {}),
    stdout: bridge.stdout,
    ...(tty ? {} : { stderr: bridge.stderr }),
    resize: (width, height) => void (tty && handlerOf(scope, record).conmon.resize(bundle, width, height)),
    exited: bridge.exited.then(() => 0),
    close: () => bridge.close(),
  };
}
