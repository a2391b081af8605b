/** A byte stream to a port on localhost inside a sandbox. */
import { join } from "node:path";

import { MinkeError } from "../../base/errors.ts";
import type { ChildStream } from "../../host/host.ts";
import type { StreamSession } from "../runtime.ts";
import type { Scope } from "../scope.ts";
import { sandboxOf } from "./list.ts";
import { requireSandbox } from "./update.ts";

const PROGRAM = join(import.meta.dirname, "port-forward.pl");
/** Longest complaint of the program that is read, in bytes. */
const COMPLAINT_BYTES_MAX = 4096;

/** Rejects with `Unavailable` when nothing listens there. */
export async function portForward(scope: Scope, sandboxId: string, port: number): Promise<StreamSession> {
  const entry = requireSandbox(scope, sandboxId, `forward port ${port}`);
  if (sandboxOf(scope, entry).state !== "ready") {
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot forward port ${port}: sandbox ${sandboxId.slice(0, 12)} is not ready`,
    );
  }
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new MinkeError("InvalidArgument", `Cannot forward port ${port}: it must be a number from 1 to 65535`);
  }
  const { net } = entry.record.namespacePaths;
  const child = scope.host.process.stream({
    argv: ["perl", PROGRAM, String(port)],
    ...(net === undefined ? {} : { netns: net }),
  });
  const complaint = await firstLine(child);
  if (complaint !== "connected") {
    const { name, namespace } = entry.record.config.metadata;
    throw new MinkeError(
      "Unavailable",
      `Cannot forward port ${port} of Pod ${namespace}/${name}: connection to localhost:${port} failed: ${complaint}; does a container listen on it?`,
      { details: { port, sandboxId } },
    );
  }
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    resize: () => {},
    exited: child.exited,
    close: () => child.kill("SIGKILL"),
  };
}

/** The first line on standard error, where the program tells whether it has connected. */
async function firstLine(child: ChildStream): Promise<string> {
  let text = "";
  for await (const chunk of child.stderr as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.includes("\n") || text.length > COMPLAINT_BYTES_MAX) break;
  }
  return text.split("\n")[0]!.trim();
}
