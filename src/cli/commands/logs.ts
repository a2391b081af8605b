/** `minke logs`: print the logs of containers. */
import { buildCommand } from "@stricli/core";

import type { Pod } from "../../api/gen/types.ts";
import type { LogOptions, PodClient } from "../../sdk/pods.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import { EXIT, UsageError } from "../exit.ts";
import { describeFailure } from "../failure.ts";
import {
  argument,
  durationFlag,
  integerFlag,
  namespaceFlag,
  namespaceOf,
  nodeFlags,
  switchFlag,
  textFlag,
} from "../flags.ts";
import { lineBlocks, prefixed } from "../output/log-lines.ts";
import { allContainers, chosenContainer, requireContainer } from "../pod-containers.ts";
import { podNamed } from "../targets.ts";

interface Flags extends NodeFlags {
  readonly namespace: string | undefined;
  readonly container: string | undefined;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tail: number | undefined;
  readonly since: number | undefined;
  readonly sinceTime: string | undefined;
  readonly limitBytes: number | undefined;
  readonly allContainers: boolean;
  readonly prefix: boolean;
  readonly selector: string | undefined;
  readonly maxLogRequests: number | undefined;
  readonly ignoreErrors: boolean;
}

interface Stream {
  readonly pod: string;
  readonly container: string;
}

/** kubectl: with a selector only the last lines, and only so many streams at a time. */
const SELECTOR_TAIL_LINES = 10;
const STREAMS_MAX = 5;
const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

export const examples = [
  ["The log of a Pod's only container", "minke logs web"],
  ["Follow one container", "minke logs -f web -c nginx"],
  ["All containers, each line with its source", "minke logs web --all-containers --prefix"],
  ["Why the container before the last restart ended", "minke logs web -p"],
  ["The last 20 lines of the last hour", "minke logs web --tail=20 --since=1h"],
] as const;
export const completes = ["pod"] as const;

export const command = buildCommand<Flags, string[], CliContext>({
  docs: { brief: "Print the logs of containers", customUsage: ["[-f] [-p] (POD | -l SELECTOR) [-c CONTAINER]"] },
  parameters: {
    flags: {
      follow: switchFlag("Go on until the container ends"),
      container: textFlag(
        "Container; default: the first, or what kubectl.kubernetes.io/default-container names",
        "name",
      ),
      allContainers: switchFlag("All containers of the Pod, init containers first"),
      previous: switchFlag("The container before the last restart"),
      tail: integerFlag("Only the last lines; -1 for all (default; 10 with a selector)", "lines"),
      since: durationFlag("Only what is younger than this, such as 5s, 2m, 3h"),
      sinceTime: textFlag("Only what came after this time (RFC 3339)", "time"),
      timestamps: switchFlag("The time before each line"),
      prefix: switchFlag("[pod/NAME/CONTAINER] before each line"),
      limitBytes: integerFlag("At most this many bytes", "bytes"),
      selector: textFlag("The Pods that this label selector selects", "labels"),
      maxLogRequests: integerFlag(`How many logs may be followed at a time with a selector (default ${STREAMS_MAX})`),
      ignoreErrors: switchFlag("Go on with the others when one log fails"),
      ...namespaceFlag,
      ...nodeFlags,
    },
    aliases: { f: "follow", c: "container", p: "previous", l: "selector", n: "namespace" },
    positional: { kind: "array", parameter: argument("POD", "NAME or pod/NAME, and possibly a container") },
  },
  async func(this: CliContext, flags, ...args) {
    const pods = (await this.client(flags)).pods(namespaceOf(flags));
    const streams = await streamsOf(pods, flags, { args, note: (line) => this.note(line) });
    const limit = flags.maxLogRequests ?? STREAMS_MAX;
    if (flags.follow && flags.selector !== undefined && streams.length > limit) {
      throw new UsageError(
        `you are attempting to follow ${streams.length} log streams, but maximum allowed concurrency is ${limit}, use --max-log-requests to increase the limit`,
      );
    }
    const show = (stream: Stream): Promise<void> => print(this, pods, { stream, flags });
    if (flags.follow) await Promise.all(streams.map(show));
    else for (const stream of streams) await show(stream);
  },
});

async function streamsOf(
  pods: PodClient,
  flags: Flags,
  { args, note }: { readonly args: readonly string[]; readonly note: (line: string) => void },
): Promise<Stream[]> {
  const [arg, container = flags.container || undefined, ...stray] = args;
  if (stray.length > 0) throw new UsageError("give one Pod, or a selector");
  if (flags.since !== undefined && flags.sinceTime !== undefined) {
    throw new UsageError("at most one of --since and --since-time may be specified");
  }
  if (flags.tail !== undefined && flags.tail < -1) throw new UsageError("--tail must be greater than or equal to -1");
  if (flags.limitBytes !== undefined && flags.limitBytes < 0)
    throw new UsageError("--limit-bytes must be greater than 0");
  if (flags.sinceTime !== undefined && !RFC3339.test(flags.sinceTime))
    throw new UsageError(`--since-time=${flags.sinceTime} is not a time; write one such as 2026-11-23T14:00:00Z`);
  if (flags.allContainers && container !== undefined) {
    throw new UsageError("--all-containers=true should not be specified with container name " + container);
  }
  if (flags.selector !== undefined) {
    if (arg !== undefined) throw new UsageError("only a selector (-l) or a POD name is allowed");
    const { items } = await pods.list({ labelSelector: flags.selector });
    if (items.length === 0) note(`No resources found in ${namespaceOf(flags)} namespace.`);
    return items.flatMap((pod) => ofPod(pod, { flags, container, note }));
  }
  if (arg === undefined) throw new UsageError("no Pod was given; write 'minke logs POD', or use -l SELECTOR");
  return ofPod(await pods.get(podNamed(arg)), { flags, container, note });
}

interface Choice {
  readonly flags: Flags;
  readonly container: string | undefined;
  readonly note: (line: string) => void;
}

function ofPod(pod: Pod, { flags, container, note }: Choice): Stream[] {
  if (container !== undefined) requireContainer(pod, container);
  const names = flags.allContainers
    ? allContainers(pod).map(({ name }) => name)
    : [container ?? chosenContainer(pod, note)];
  return names.map((name) => ({ pod: pod.metadata.name ?? "", container: name }));
}

async function print(
  context: CliContext,
  pods: PodClient,
  { stream, flags }: { readonly stream: Stream; readonly flags: Flags },
): Promise<void> {
  try {
    const log = pods.logs(stream.pod, { ...logOptionsOf(flags), container: stream.container });
    if (!flags.prefix) {
      // Whole lines at a time, so that followed streams do not mix within a line.
      for await (const block of flags.follow ? lineBlocks(log) : log) await context.print(block);
      return;
    }
    for await (const block of prefixed(log, `[pod/${stream.pod}/${stream.container}] `)) await context.print(block);
  } catch (error) {
    if (!flags.ignoreErrors) throw error;
    context.note(describeFailure(error, context.env));
    context.exit(EXIT.error);
  }
}

function logOptionsOf(flags: Flags): LogOptions {
  const tail = flags.tail ?? (flags.selector === undefined ? -1 : SELECTOR_TAIL_LINES);
  return {
    ...(flags.follow ? { follow: true } : {}),
    ...(flags.previous ? { previous: true } : {}),
    ...(flags.timestamps ? { timestamps: true } : {}),
    ...(tail >= 0 ? { tailLines: tail } : {}),
    ...(flags.since === undefined || flags.since === 0
      ? {}
      : { sinceSeconds: Math.max(1, Math.ceil(flags.since / 1000)) }),
    ...(flags.sinceTime === undefined ? {} : { sinceTime: flags.sinceTime }),
    ...(flags.limitBytes === undefined || flags.limitBytes === 0 ? {} : { limitBytes: flags.limitBytes }),
  };
}
