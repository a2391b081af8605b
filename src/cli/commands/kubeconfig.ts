/** `minke kubeconfig`: credentials for kubectl and every other Kubernetes client. */
import { resolve } from "node:path";

import { buildCommand } from "@stricli/core";

import { addressOf, type CliContext, type NodeFlags } from "../context.ts";
import { UsageError } from "../exit.ts";
import { durationFlag, nodeFlags, switchFlag, textFlag, textsFlag } from "../flags.ts";

interface Flags extends NodeFlags {
  readonly output: string | undefined;
  readonly merge: boolean;
  readonly user: string | undefined;
  readonly group: readonly string[] | undefined;
  readonly duration: number | undefined;
  readonly context: string | undefined;
}

export const examples = [
  [
    "A file of its own, and kubectl on it",
    "minke kubeconfig --output minke.yaml && kubectl --kubeconfig minke.yaml get pods",
  ],
  [
    "A context of its own in ~/.kube/config; the current one stays",
    "minke kubeconfig --merge && kubectl --context minke get pods",
  ],
  [
    "For somebody who may do what RBAC grants them, for a week",
    "minke kubeconfig --user ada --group readers --duration 168h",
  ],
] as const;
export const completes = ["none"] as const;

export const command = buildCommand<Flags, [], CliContext>({
  docs: {
    brief: "Write a kubeconfig, so that kubectl and others work on the node",
    fullDescription:
      "Makes a client certificate and writes it with the node's address as a kubeconfig, to stdout unless told otherwise. Without --user it may do everything. The file is readable only for who called, with sudo too. A certificate can not be taken back before it expires.",
  },
  parameters: {
    flags: {
      output: textFlag("The file to write, replacing what is there; - or nothing for stdout", "file"),
      merge: switchFlag("Add it to --output, or else to the first file of $KUBECONFIG or ~/.kube/config"),
      user: textFlag("Name of the user (default admin)", "name"),
      group: textsFlag("A group of the user; with neither --user nor --group it is system:masters", "name"),
      duration: durationFlag("How long the certificate is good (default a year)"),
      context: textFlag(
        "Name of the context, the cluster and the user entry (default minke, or minke-INSTANCE)",
        "name",
      ),
      ...nodeFlags,
    },
    aliases: { o: "output" },
  },
  async func(this: CliContext, flags) {
    const { instance = "minke" } = addressOf(flags, this.env);
    const { user, duration } = flags;
    const groups = flags.group ?? (user === undefined ? undefined : []);
    const client = await this.client(flags);
    const certificate = await client.clientCertificate({
      ...(user === undefined ? {} : { user }),
      ...(groups === undefined ? {} : { groups }),
      ...(duration === undefined ? {} : { lifetimeSeconds: Math.floor(duration / 1000) }),
    });
    const name = flags.context ?? (instance === "minke" ? instance : `minke-${instance}`);
    const { newKubeconfig, mergeKubeconfig } = await import("../kubeconfig/kubeconfig.ts");
    const entry = { name, ...certificate };
    const output = flags.output === "-" ? undefined : flags.output;
    if (!flags.merge && output === undefined) return await this.print(newKubeconfig(entry));
    const { becomeCaller, userKubeconfig, writePrivate, readText } = await import("../kubeconfig/caller-file.ts");
    if (flags.merge && flags.output === "-") throw new UsageError("--merge needs a file; --output - is none");
    const caller = becomeCaller(this.env);
    const file = output === undefined ? userKubeconfig(caller, this.env) : resolve(output);
    const text = flags.merge ? await readText(file) : undefined;
    await writePrivate(file, text === undefined ? newKubeconfig(entry) : mergeKubeconfig(text, entry, file));
    this.note(`Wrote context "${name}" to ${file}`);
  },
});
