/** What may stand where the cursor is: verbs, flags, names of objects, containers, images. */
import type { Command } from "@stricli/core";

import { RESOURCES } from "../../api/resources.ts";
import type { Client } from "../../sdk/client.ts";
import { normaliseFlags, splitLine } from "../argv.ts";
import type { CliContext } from "../context.ts";
import { allContainers } from "../pod-containers.ts";
import { shapesOf } from "../run.ts";
import { typeNamed } from "../kinds.ts";
import { type Completes, VERBS } from "../verbs.ts";

/** Tells the shell's script to offer files. */
const FILES = "__files__";
/** A node that does not answer in this time gives no names (milliseconds). */
const ANSWER_MS_MAX = 2000;

/** The words that may replace the last of `words`. */
export async function completions(words: readonly string[], context: CliContext): Promise<string[]> {
  const current = words.at(-1) ?? "";
  const line = splitLine(words.slice(0, -1));
  const starting = (candidates: readonly string[]): string[] => candidates.filter((one) => one.startsWith(current));
  const verb = Object.hasOwn(VERBS, line.verb) ? VERBS[line.verb] : undefined;
  if (!verb) return line.verb === "" && line.afterDashes === undefined ? starting(Object.keys(VERBS)) : [];
  if (line.afterDashes !== undefined) return [FILES];
  const module = await verb.load();
  let command = module.command;
  let args = [...line.globals, ...line.args];
  if (!("parameters" in command)) {
    const sub = line.args[0];
    const next = sub === undefined ? undefined : command.getRoutingTargetForInput(sub);
    if (!next || !("parameters" in next)) return starting(command.getAllEntries().map((entry) => entry.name.original));
    command = next;
    args = [...line.globals, ...line.args.slice(1)];
  }
  const place = placeOf(args, command);
  const flag = /^--([\w-]+)=(.*)$/s.exec(current);
  const wanted = flag?.[1] ?? place.flagWaiting;
  if (wanted !== undefined) {
    const values = await valuesOf(wanted, place, context);
    if (flag === null) return values.includes(FILES) ? values : starting(values);
    return values.filter((value) => value.startsWith(flag[2]!)).map((value) => `--${flag[1]}=${value}`);
  }
  if (current.startsWith("-")) return starting([...shapesOf(command).longs.keys(), "help"].map((name) => `--${name}`));
  const kinds = module.completes ?? ["none"];
  const index = line.verb === "image" ? 1 : Math.min(place.positionals.length, kinds.length - 1);
  if (line.verb === "image" && ["import", "load"].includes(line.args[0] ?? "")) return [FILES];
  return await argumentValues(kinds[index] ?? "none", { place, current, context });
}

interface Place {
  readonly positionals: readonly string[];
  readonly flags: ReadonlyMap<string, string>;
  /** The flag whose value comes next. */
  readonly flagWaiting: string | undefined;
}

function placeOf(args: readonly string[], command: Command<CliContext>): Place {
  const shapes = shapesOf(command);
  const normal = normaliseFlags(args, shapes);
  const flags = new Map<string, string>();
  const positionals: string[] = [];
  for (const arg of normal) {
    const match = /^--([\w-]+)(?:=(.*))?$/s.exec(arg);
    if (match) flags.set(match[1]!, match[2] ?? "");
    else positionals.push(arg);
  }
  const last = normal.at(-1);
  const name = last?.startsWith("--") === true && !last.includes("=") ? last.slice(2) : undefined;
  return {
    positionals,
    flags,
    flagWaiting: name !== undefined && shapes.longs.get(name)?.takesValue === true ? name : undefined,
  };
}

async function valuesOf(flag: string, place: Place, context: CliContext): Promise<string[]> {
  switch (flag) {
    case "namespace":
      return await ask(context, place, async (client) => namesIn((await client.namespaces.list()).items));
    case "container":
      return await ask(context, place, async (client) => {
        const name = place.positionals[0]?.replace(/^.*\//, "") ?? "";
        return allContainers(await client.pods(namespaceIn(place)).get(name)).map((container) => container.name);
      });
    case "output":
      return ["wide", "json", "yaml", "name", "jsonpath="];
    case "format":
      return ["oci-archive", "docker-archive"];
    case "for":
      return ["condition=Ready", "delete", "create", "jsonpath="];
    case "filename":
    case "root":
    case "state":
    case "input":
      return [FILES];
    default:
      return [];
  }
}

async function argumentValues(
  kind: Completes,
  { place, current, context }: { readonly place: Place; readonly current: string; readonly context: CliContext },
): Promise<string[]> {
  const starting = (candidates: readonly string[]): string[] => candidates.filter((one) => one.startsWith(current));
  if (kind === "file") return [FILES];
  if (kind === "image")
    return starting(
      await ask(context, place, async (client) => (await client.images.list()).flatMap((one) => one.repoTags)),
    );
  if (kind === "pod") {
    const slash = current.lastIndexOf("/") + 1;
    return starting((await names(context, place, "pods")).map((name) => current.slice(0, slash) + name));
  }
  const types = RESOURCES.map((type) => type.plural);
  if (kind === "type") return starting(types);
  if (kind !== "type/name") return [];
  const slash = current.indexOf("/");
  if (slash > 0) {
    const type = current.slice(0, slash);
    return starting((await names(context, place, type)).map((name) => `${type}/${name}`));
  }
  const type = place.positionals[0];
  return type === undefined || type.includes("/") ? starting(types) : starting(await names(context, place, type));
}

function names(context: CliContext, place: Place, type: string): Promise<string[]> {
  return ask(context, place, async (client) => {
    const resource = typeNamed(type);
    return namesIn(
      (await client.resource(resource, resource.namespaced ? namespaceIn(place) : undefined).list()).items,
    );
  });
}

function namesIn(items: readonly { readonly metadata: { readonly name?: string } }[]): string[] {
  return items.map((item) => item.metadata.name ?? "");
}

function namespaceIn(place: Place): string {
  return place.flags.get("namespace") ?? "default";
}

/** Asks the node; no answer is no names. */
async function ask(
  context: CliContext,
  place: Place,
  question: (client: Client) => Promise<string[]>,
): Promise<string[]> {
  const client = await context.client({ instance: place.flags.get("instance"), state: place.flags.get("state") });
  const { promise: late, resolve } = Promise.withResolvers<string[]>();
  using _timer = context.clock.timer(ANSWER_MS_MAX, () => resolve([]));
  return await Promise.race([question(client).catch(() => []), late]);
}
