/** `minke apply`: create or change objects from files. */
import { buildCommand } from "@stricli/core";

import { isMinkeError, MinkeError } from "../../base/errors.ts";
import type { KubeObject } from "../../api/object.ts";
import type { WriteOptions } from "../../sdk/resource.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import { EXIT, UsageError } from "../exit.ts";
import { describeFailures, withSource } from "../failure.ts";
import { namespaceFlag, nodeFlags, textFlag, textsFlag } from "../flags.ts";

import { type Manifest, namespaceFor, readManifests } from "../manifests.ts";
import { jsonText, listOf, withoutManagedFields, yamlText } from "../output/document.ts";

interface Flags extends NodeFlags {
  readonly filename: readonly string[] | undefined;
  readonly namespace: string | undefined;
  readonly output: string | undefined;
  readonly dryRun: string | undefined;
  readonly validate: string | undefined;
}

export const examples = [
  ["Create or change what is in a file", "minke apply -f pod.yaml"],
  ["… in all files of a directory", "minke apply -f manifests/"],
  ["… from standard input", "cat pod.yaml | minke apply -f -"],
] as const;
export const completes = ["file"] as const;

export const command = buildCommand<Flags, [], CliContext>({
  docs: { brief: "Create or change objects from files", customUsage: ["-f FILE|DIRECTORY|-"] },
  parameters: {
    flags: {
      filename: textsFlag("File, directory, or - for standard input; may be repeated", "file"),
      ...namespaceFlag,
      output: textFlag("Print the objects: json, yaml or name", "format"),
      dryRun: textFlag("none, or server: check everything, store nothing", "none|server"),
      validate: textFlag("What to do about unknown fields: strict (default), warn or ignore", "strict|warn|ignore"),
      ...nodeFlags,
    },
    aliases: { f: "filename", n: "namespace", o: "output" },
  },
  async func(this: CliContext, flags) {
    if ((flags.filename ?? []).length === 0)
      throw new UsageError("no file was given; use -f FILE, -f DIRECTORY or -f -");
    const manifests = await readManifests(flags.filename ?? [], this.stdin);
    const client = await this.client(flags);
    const options = writeOptionsOf(flags);
    const applied = [];
    const failures: unknown[] = [];
    for (const manifest of manifests) {
      let verb = "creating";
      try {
        const wanted = withNamespace(manifest, flags.namespace);
        const resource = client.resource(manifest.type, wanted.metadata.namespace);
        const onPatch = (): void => void (verb = "patching");
        const { action, object } = await resource.apply(wanted, { ...options, onPatch });
        const name = `${manifest.type.singular}/${object.metadata.name}`;
        const dry = options.dryRun === true ? " (server dry run)" : "";
        if (flags.output === undefined) await this.print(`${name} ${action}${dry}\n`);
        else if (flags.output === "name") await this.print(`${name}\n`);
        else applied.push(withoutManagedFields(object));
      } catch (error) {
        if (isMinkeError(error) && error.reason === "NoNode") throw error;
        failures.push("httpStatus" in detailsOf(error) ? withSource(error, verb, manifest.source) : error);
      }
    }
    if (failures.length > 0) {
      this.note(describeFailures(failures, this.env));
      this.exit(EXIT.error);
    }
    if (applied.length === 0) return;
    const value = applied.length === 1 ? applied[0] : listOf(applied);
    await this.print(flags.output === "json" ? jsonText(value) : await yamlText(value));
  },
});

function writeOptionsOf(flags: Flags): WriteOptions {
  const validate = { strict: "Strict", true: "Strict", warn: "Warn", ignore: "Ignore", false: "Ignore" } as const;
  const chosen = validate[(flags.validate ?? "strict").toLowerCase() as keyof typeof validate];
  if (!chosen)
    throw new UsageError(
      `invalid - validate option "${flags.validate}"; must be one of: strict (or true), warn, ignore (or false)`,
    );
  if (!["none", "server", undefined].includes(flags.dryRun))
    throw new UsageError(`Invalid dry-run value (${flags.dryRun}). Must be "none" or "server".`);
  if (!["json", "yaml", "name", undefined].includes(flags.output))
    throw new UsageError(`-o ${flags.output} is not one of json, yaml, name`);
  return { fieldValidation: chosen, dryRun: flags.dryRun === "server" };
}

function detailsOf(error: unknown): Readonly<Record<string, unknown>> {
  return isMinkeError(error) ? error.details : {};
}

/** The object, with its namespace, as kubectl sends it and notes it down. */
function withNamespace(manifest: Manifest, flag: string | undefined): KubeObject {
  const { object } = manifest;
  const { name, generateName } = object.metadata;
  if ((name ?? "") === "" && generateName !== undefined)
    throw new MinkeError("InvalidArgument", `from ${generateName}: cannot use generate name with apply`);
  const namespace = namespaceFor(manifest, flag);
  return namespace === undefined ? object : { ...object, metadata: { ...object.metadata, namespace } };
}
