/** `minke delete`: delete objects by name, by selector, or as a file names them. */
import { buildCommand } from "@stricli/core";

import { isMinkeError, MinkeError } from "../../base/errors.ts";
import type { Client } from "../../sdk/client.ts";
import type { DeleteOptions } from "../../sdk/resource.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import { UsageError } from "../exit.ts";
import { runAll, withSource } from "../failure.ts";
import {
  allNamespacesFlag,
  argument,
  durationFlag,
  integerFlag,
  namespaceFlag,
  nodeFlags,
  onFlag,
  switchFlag,
  textFlag,
  textsFlag,
} from "../flags.ts";
import { type Selected, type SelectionFlags, selection, selectorFlags } from "../selection.ts";

interface Flags extends NodeFlags, SelectionFlags {
  readonly gracePeriod: number | undefined;
  readonly force: boolean;
  readonly now: boolean;
  readonly wait: boolean;
  readonly timeout: number | undefined;
  readonly ignoreNotFound: boolean;
  readonly output: string | undefined;
  readonly dryRun: string | undefined;
}

export const examples = [
  ["Stop and delete a Pod, and wait until it is gone", "minke delete pod web"],
  ["Delete what a file names", "minke delete -f pod.yaml"],
  ["Delete Pods by label", "minke delete pods -l app=web"],
  ["Delete all Pods of a namespace at once", "minke delete pods --all --now -n test"],
] as const;
export const completes = ["type/name"] as const;

export const command = buildCommand<Flags, string[], CliContext>({
  docs: { brief: "Delete objects" },
  parameters: {
    flags: {
      filename: textsFlag("File, directory, or - with the objects to delete; may be repeated", "file"),
      ...namespaceFlag,
      ...allNamespacesFlag,
      ...selectorFlags,
      all: switchFlag("All objects of the type in the namespace"),
      gracePeriod: integerFlag(
        "Seconds between TERM and KILL; 0 only with --force; default: what the Pod says",
        "seconds",
      ),
      force: switchFlag("Remove it from the API at once, without waiting for its processes"),
      now: switchFlag("The same as --grace-period=1"),
      wait: onFlag("Wait until it is gone"),
      timeout: durationFlag("How long to wait; default: until it is gone"),
      ignoreNotFound: switchFlag("Something that does not exist is no error"),
      output: textFlag("name: print only names", "name"),
      dryRun: textFlag("none, or server: check everything, delete nothing", "none|server"),
      ...nodeFlags,
    },
    aliases: { f: "filename", n: "namespace", A: "allNamespaces", l: "selector", o: "output" },
    positional: { kind: "array", parameter: argument("TYPE|NAME", "TYPE NAME…, TYPE/NAME…") },
  },
  async func(this: CliContext, flags, ...args) {
    const options = deleteOptionsOf(flags);
    const client = await this.client(flags);
    const chosen = await selection(this, client, flags, args);
    // Of files the last first: what was made on top of something goes before it.
    const selected = flags.filename ? chosen.toReversed() : chosen;
    if (selected.length === 0) await this.print("No resources found\n");
    if (flags.force) {
      this.note(
        "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated.",
      );
    }
    await runAll(
      this,
      selected.map((one) => remove(this, client, { one, flags, options })),
    );
  },
});

function deleteOptionsOf(flags: Flags): DeleteOptions {
  if (!["none", "server", undefined].includes(flags.dryRun))
    throw new UsageError(`Invalid dry-run value (${flags.dryRun}). Must be "none" or "server".`);
  return { ...graceOf(flags), dryRun: flags.dryRun === "server" };
}

function graceOf(flags: Flags): DeleteOptions {
  const asked = flags.now ? 1 : flags.gracePeriod;
  if (flags.now && flags.gracePeriod !== undefined)
    throw new UsageError("--now and --grace-period cannot be specified together");
  if (flags.force) {
    if (asked !== undefined && asked > 0)
      throw new UsageError("--force and --grace-period greater than 0 cannot be specified together");
    return { gracePeriodSeconds: 0 };
  }
  if (asked === 0) return { gracePeriodSeconds: 1 }; // kubectl: 0 without --force means "as soon as possible, but cleanly".
  return asked === undefined || asked < 0 ? {} : { gracePeriodSeconds: asked };
}

async function remove(
  context: CliContext,
  client: Client,
  job: { readonly one: Selected; readonly flags: Flags; readonly options: DeleteOptions },
): Promise<void> {
  const { one, flags, options } = job;
  const resource = client.resource(one.type, one.namespace);
  const name = one.type.singular;
  try {
    const before = await resource.get(one.name);
    await resource.delete(one.name, options);
    const how = `${flags.force ? "force deleted" : "deleted"}${options.dryRun === true ? " (server dry run)" : ""}`;
    await context.print(flags.output === "name" ? `${name}/${one.name}\n` : `${name} "${one.name}" ${how}\n`);
    if (!flags.wait || options.dryRun === true) return;
    const uid = before.metadata.uid;
    const timeout = flags.timeout === undefined || flags.timeout <= 0 ? {} : { timeoutMs: flags.timeout };
    await resource.wait(one.name, (object) => object === undefined || object.metadata.uid !== uid, timeout);
  } catch (error) {
    if (isMinkeError(error, "NotFound") && (flags.ignoreNotFound || flags.all)) return;
    if (isMinkeError(error, "DeadlineExceeded") && error.reason === "Timeout") {
      const what = `${one.type.plural}/${one.name}`;
      throw new MinkeError("DeadlineExceeded", `timed out waiting for the condition on ${what}`);
    }
    throw one.source === undefined ? error : withSource(error, "deleting", one.source);
  }
}
