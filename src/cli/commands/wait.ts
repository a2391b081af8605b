/** `minke wait`: wait for a condition of objects. */
import { buildCommand } from "@stricli/core";

import { isMinkeError, MinkeError } from "../../base/errors.ts";
import type { Client } from "../../sdk/client.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import { EXIT } from "../exit.ts";
import { runAll } from "../failure.ts";
import {
  allNamespacesFlag,
  argument,
  durationFlag,
  namespaceFlag,
  nodeFlags,
  switchFlag,
  textFlag,
  textsFlag,
} from "../flags.ts";
import { type Selected, type SelectionFlags, selection, selectorFlags } from "../selection.ts";
import { type Goal, parseGoal } from "../wait-goal.ts";

interface Flags extends NodeFlags, SelectionFlags {
  readonly for: string | undefined;
  readonly timeout: number | undefined;
}

const TIMEOUT_MS = 30_000;
/** kubectl: a negative timeout means a week. */
const WEEK_MS = 7 * 24 * 3_600_000;

export const examples = [
  ["Until a Pod is ready", "minke wait pod/web --for=condition=Ready"],
  ["… or, at most a minute, is gone", "minke wait pod/web --for=delete --timeout=60s"],
  ["… or has a value", "minke wait pod/web --for=jsonpath='{.status.phase}'=Running"],
  ["All Pods with a label", "minke wait pods -l app=web --for=condition=Ready"],
] as const;
export const completes = ["type/name"] as const;

export const command = buildCommand<Flags, string[], CliContext>({
  docs: {
    brief: "Wait for a condition of objects",
    fullDescription:
      "Exit codes: 0 when all objects got there; 1 on a timeout or when an object does not exist; 2 for wrong usage.",
  },
  parameters: {
    flags: {
      for: textFlag("condition=NAME[=VALUE], delete, create, or jsonpath='{PATH}'[=VALUE]", "goal"),
      timeout: durationFlag("How long to wait for each (default 30s); 0 looks once, a negative one waits for a week"),
      filename: textsFlag("Files with the objects to wait for; may be repeated", "file"),
      all: switchFlag("All objects of the type in the namespace"),
      ...selectorFlags,
      ...namespaceFlag,
      ...allNamespacesFlag,
      ...nodeFlags,
    },
    aliases: { n: "namespace", A: "allNamespaces", l: "selector", f: "filename" },
    positional: { kind: "array", parameter: argument("TYPE|NAME", "TYPE/NAME…, TYPE NAME…, or TYPE with a selector") },
  },
  async func(this: CliContext, flags, ...args) {
    const goal = parseGoal(flags.for ?? "");
    const client = await this.client(flags);
    const selected = await selection(this, client, flags, args);
    if (selected.length === 0 && goal.word !== "deleted") {
      this.note("error: no matching resources found");
      this.exit(EXIT.error);
      return;
    }
    const given = flags.timeout ?? TIMEOUT_MS;
    const timeoutMs = given < 0 ? WEEK_MS : given;
    await runAll(
      this,
      selected.map((one) => waitFor(this, client, { one, goal, timeoutMs })),
    );
  },
});

async function waitFor(
  context: CliContext,
  client: Client,
  job: { readonly one: Selected; readonly goal: Goal; readonly timeoutMs: number },
): Promise<void> {
  const { one, goal, timeoutMs } = job;
  const resource = client.resource(one.type, one.namespace);
  const name = `${one.type.singular}/${one.name}`;
  try {
    const first = await resource.find(one.name);
    if (!first && !goal.mayBeAbsent) await resource.get(one.name); // Rejects with the server's words.
    if (!first && goal.word === "deleted") return;
    const met = goal.testFor(first);
    if (!met(first)) await resource.wait(one.name, met, { timeoutMs });
    await context.print(`${name} ${goal.word}\n`);
  } catch (error) {
    const late = isMinkeError(error, "DeadlineExceeded") && error.reason === "Timeout";
    if (!late) throw error;
    throw new MinkeError("DeadlineExceeded", `timed out waiting for the condition on ${one.type.plural}/${one.name}`);
  }
}
