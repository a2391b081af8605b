/** How a CNI plugin says that it failed, as a MinkeError. CNI SPEC.md, section 5 (error). */
import { MinkeError, type ErrorCode } from "../../base/errors.ts";
import type { Completed } from "../../host/host.ts";

/** code of the specification → ours, and what the user can do. */
const CODES: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  1: ["FailedPrecondition", "use a cniVersion that the plugin supports, or another version of the plugin"],
  2: ["InvalidArgument", "remove the unsupported field from the CNI configuration"],
  3: ["NotFound", "delete the Pod and create it again"],
  4: ["Internal", "this is a fault of Minke; please report it"],
  5: ["Unavailable", "see the plugin's message"],
  6: ["InvalidArgument", "correct the CNI configuration"],
  7: ["InvalidArgument", "correct the CNI configuration"],
  11: ["Unavailable", "it will be tried again"],
  50: ["Unavailable", "see the plugin's message"],
  51: ["Unavailable", "see the plugin's message"],
};

/** The most of a plugin's output that a message takes, in characters. */
const EXCERPT_MAX = 1000;

export interface PluginCall {
  readonly command: string;
  readonly type: string;
  readonly network: string;
  readonly sandboxId: string;
}

export function pluginError(call: PluginCall, completed: Completed): MinkeError {
  const told = toldError(completed.stdout);
  const text = told ? [told.msg, told.details].filter((part) => part !== "").join("; ") : output(completed);
  const [code, remedy] = codeOf(told?.code, text);
  return new MinkeError(
    code,
    `Cannot ${VERBS[call.command] ?? call.command} network "${call.network}" of sandbox ${call.sandboxId.slice(0, 12)}: ` +
      `CNI plugin "${call.type}" says: ${text}; ${remedy}`,
    {
      reason: "CreatePodSandboxError",
      details: { plugin: call.type, command: call.command, exitCode: completed.code, cniCode: told?.code },
    },
  );
}

const VERBS: Readonly<Record<string, string>> = { ADD: "set up", DEL: "take down", CHECK: "check", GC: "clean" };

function codeOf(code: number | undefined, text: string): readonly [ErrorCode, string] {
  if (/no IP addresses available/.test(text)) {
    return ["ResourceExhausted", "delete Pods, or use a network with a larger subnet"];
  }
  return (code === undefined ? undefined : CODES[code]) ?? ["Internal", "see the plugin's message"];
}

function toldError(stdout: string): { code: number; msg: string; details: string } | undefined {
  try {
    const value = JSON.parse(stdout) as { code?: unknown; msg?: unknown; details?: unknown };
    if (typeof value !== "object" || value === null || typeof value.msg !== "string") return undefined;
    return {
      code: typeof value.code === "number" ? value.code : -1,
      msg: value.msg.slice(0, EXCERPT_MAX),
      details: typeof value.details === "string" ? value.details.slice(0, EXCERPT_MAX) : "",
    };
  } catch {
    return undefined;
  }
}

function output(completed: Completed): string {
  const text = `${completed.stderr.trim()} ${completed.stdout.trim()}`.trim().slice(0, EXCERPT_MAX);
  return `exit code ${completed.code}${text === "" ? " and nothing else" : `, ${text}`}`;
}
