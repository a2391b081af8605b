/** `minke play`: run Pods in the foreground. */
import { buildCommand } from "@stricli/core";

import { sleep } from "../../base/clock.ts";
import type { Client } from "../../sdk/client.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import { EXIT, UsageError } from "../exit.ts";
import { argument, namespaceFlag, embedFlags, switchFlag } from "../flags.ts";
import { type Manifest, readManifests } from "../manifests.ts";
import { nodeInUse } from "../node-in-use.ts";
import { traceTable } from "../output/trace-table.ts";
import { createAll, type Made } from "../play/create.ts";
import { follow, type Following } from "../play/follow.ts";
import { exitCodeOf } from "../play/outcome.ts";
import { removeAll } from "../play/remove.ts";
import { type EndSignals, endSignals } from "../play/signals.ts";

interface Flags extends NodeFlags {
  readonly namespace: string | undefined;
  readonly replace: boolean;
  readonly detach: boolean;
  readonly trace: boolean;
}

/** How long the last lines of logs may take after all Pods have ended (milliseconds). */
const DRAIN_MS = 5000;

export const examples = [
  ["Run a Pod; Ctrl-C stops and removes it", "minke play pod.yaml"],
  ["… again, in place of one of that name", "minke play --replace pod.yaml"],
  ["All Pods, ConfigMaps and Secrets of a directory", "minke play manifests/"],
  ["From standard input", "cat pod.yaml | minke play -"],
  ["Start it on the running node, and leave it there", "minke play --detach pod.yaml"],
  ["See where the time of the start goes", "minke play --trace pod.yaml"],
] as const;
export const completes = ["file"] as const;

export const command = buildCommand<Flags, string[], CliContext>({
  docs: {
    brief: "Run Pods in the foreground, with their logs",
    customUsage: ["FILE|DIRECTORY|-..."],
    fullDescription:
      "Uses the running node, or one inside this command when none answers. Ends when all Pods have ended, with the exit code of the container that failed (1 when several Pods failed), or at Ctrl-C (130) and SIGTERM (143); in each case what it made is removed. A second Ctrl-C kills what has not stopped yet.",
  },
  parameters: {
    flags: {
      replace: switchFlag("Replace Pods of the same name"),
      detach: switchFlag("Return when everything has started, and leave it running (needs a running node)"),
      trace: switchFlag("Print where the time of the start went"),
      ...namespaceFlag,
      ...embedFlags,
    },
    aliases: { n: "namespace", d: "detach" },
    positional: { kind: "array", parameter: argument("FILE", "File, directory, or - for standard input") },
  },
  async func(this: CliContext, flags, ...files) {
    const manifests = await readManifests(files, this.stdin);
    using signals = endSignals();
    this.whenOutputGone(() => signals.raise(EXIT.ok));
    await using node = await nodeInUse(this, flags, flags.trace ? { trace: true } : {});
    if (flags.detach && node.embedded) {
      throw new UsageError("--detach needs a node that stays when this command ends; start one with 'minke serve'");
    }
    const made: Made[] = [];
    const run = { context: this, client: node.client, flags, signals, made, manifests };
    this.exit(flags.detach ? await start(run) : await foreground(run));
  },
});

interface Run {
  readonly context: CliContext;
  readonly client: Client;
  readonly flags: Flags;
  readonly signals: EndSignals;
  readonly made: Made[];
  readonly manifests: readonly Manifest[];
}

function create({ client, manifests, flags, made, context }: Run): Promise<void> {
  const { namespace, replace } = flags;
  return createAll(client, manifests, {
    namespace,
    replace,
    onMade: (one) => void made.push(one),
    note: (line) => context.note(line),
  });
}

/** Starts everything and leaves it. What a failed start has made already is removed. */
async function start(run: Run): Promise<number> {
  const { context, client, made, signals } = run;
  let following: Following | undefined;
  let done = false;
  try {
    await create(run);
    following = await follow(context, client, made, { logs: false, removing: () => false });
    const stopped = await Promise.race([following.started.then(() => undefined), signals.first]);
    if (stopped !== undefined) return stopped;
    done = true;
    if (run.flags.trace) await printTraces(run);
    for (const { type, name } of made) await context.print(`${type.singular}/${name} created\n`);
    return EXIT.ok;
  } finally {
    following?.stop();
    if (!done) await removeAll(client, made, { force: signals.second, note: (line) => context.note(line) });
  }
}

/** Runs everything until it ends or is told to end, and removes it. */
async function foreground(run: Run): Promise<number> {
  const { context, client, made, signals } = run;
  let following: Following | undefined;
  let removing = false;
  try {
    const created = create(run);
    created.catch(() => {});
    await Promise.race([created, signals.first]);
    // A signal in the middle of the creation: what is under way is waited for, so that it can be removed.
    await created;
    following = await follow(context, client, made, { logs: true, removing: () => removing });
    if (run.flags.trace) following.started.then(() => printTraces(run)).catch(() => {});
    const outcome = await Promise.race([following.ended, signals.first]);
    if (typeof outcome === "number") return outcome;
    await Promise.race([following.drained(), sleep(context.clock, DRAIN_MS)]);
    return exitCodeOf(outcome);
  } finally {
    removing = true;
    if (made.length > 0) {
      const pods = made.filter(({ type }) => type.kind === "Pod").length;
      signals.first
        .then(() => context.note(`Stopping ${pods === 1 ? "the Pod" : `${pods} Pods`}; Ctrl-C again kills`))
        .catch(() => {});
    }
    // The logs go on, so that the last words are heard.
    const clean = await removeAll(client, made, { force: signals.second, note: (line) => context.note(line) });
    if (clean && following) await Promise.race([following.drained(), sleep(context.clock, DRAIN_MS)]);
    following?.stop();
  }
}

async function printTraces({ client, made, context }: Run): Promise<void> {
  for (const { type, name, namespace } of made) {
    if (type.kind !== "Pod") continue;
    const spans = await client.pods(namespace).trace(name);
    if (spans.length > 0) context.note(`${name}: start\n${traceTable(spans).trimEnd()}`);
    else
      context.note(
        `There is no trace of pod ${name}; traces are kept by a node that was started with 'minke serve --trace'`,
      );
  }
}
