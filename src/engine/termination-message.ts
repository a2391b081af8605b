/**
 * What a container leaves as its last words: a file that is mounted into it, or, when it fails without writing there and
 * its policy asks for it, the end of its log. Kubernetes: pkg/kubelet/kuberuntime/kuberuntime_container.go.
 */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";

import type { Container } from "../runtime/runtime.ts";
import { MESSAGE_FILE, MESSAGE_POLICY } from "./labels.ts";

const MESSAGE_MAX_BYTES = 4096;
const LOG_TAIL_MAX_BYTES = 2048;
const LOG_TAIL_MAX_LINES = 80;
/** Raw log bytes read for the tail: the CRI prefix of each line (about 45 bytes) comes on top of its content. */
const LOG_READ_MAX_BYTES = LOG_TAIL_MAX_BYTES + LOG_TAIL_MAX_LINES * 64;

/**
 * Makes the empty file that any user in the container may write. Synchronous on purpose: three system calls on the hot path
 * of a restart cost less than three trips to the thread pool.
 */
export function createMessageFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "");
  chmodSync(path, 0o666);
}

/** The termination message of an exited container; empty when there is none. Never fails: a lost message is no error. */
export async function readMessage(container: Container): Promise<string> {
  const { annotations } = container.config;
  const file = annotations[MESSAGE_FILE] ?? "";
  const message = file === "" ? "" : (await edge(file, MESSAGE_MAX_BYTES, "head")).toString("utf8");
  const failed = container.state.phase === "exited" && container.state.exitCode !== 0;
  if (message !== "" || !failed || annotations[MESSAGE_POLICY] !== "FallbackToLogsOnError") return message;
  if (container.logPath === "") return "";
  return logTail((await edge(container.logPath, LOG_READ_MAX_BYTES, "tail")).toString("utf8"));
}

/** The content of the last lines of a CRI log (`time stream P|F content`). */
export function logTail(text: string): string {
  let content = "";
  for (const line of text.split("\n")) {
    const match = /^\S+ (?:stdout|stderr) ([PF])\S* ?(.*)$/s.exec(line);
    if (match) content += match[2] + (match[1] === "P" ? "" : "\n");
  }
  const lines = content
    .split("\n")
    .slice(-LOG_TAIL_MAX_LINES - 1)
    .join("\n");
  return Buffer.from(lines).subarray(-LOG_TAIL_MAX_BYTES).toString("utf8");
}

async function edge(path: string, bytes: number, end: "head" | "tail"): Promise<Buffer> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const position = end === "head" ? 0 : Math.max(0, size - bytes);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(Math.min(bytes, size)),
      0,
      Math.min(bytes, size),
      position,
    );
    return buffer.subarray(0, bytesRead);
  } catch {
    return Buffer.alloc(0);
  }
}
