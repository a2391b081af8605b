/** `minke describe`: all about an object, with its events. */
import { buildCommand } from "@stricli/core";

import type { Event, Node, Pod } from "../../api/gen/types.ts";
import { isMinkeError } from "../../base/errors.ts";
import type { KubeObject } from "../../api/object.ts";
import type { Client } from "../../sdk/client.ts";
import type { CliContext, NodeFlags } from "../context.ts";
import { EXIT, UsageError } from "../exit.ts";
import { describeNode } from "../describe/node.ts";
import { describePlain } from "../describe/plain.ts";
import { describePod } from "../describe/pod.ts";
import { describeFailure } from "../failure.ts";
import { allNamespacesFlag, argument, namespaceFlag, namespaceOf, nodeFlags, onFlag } from "../flags.ts";
import { tabbed } from "../output/tabbed.ts";
import { listOptionsOf, select, type Selected, selectorFlags, type SelectorFlags } from "../selection.ts";
import { targetsOf } from "../targets.ts";

interface Flags extends NodeFlags, SelectorFlags {
  readonly namespace: string | undefined;
  readonly allNamespaces: boolean;
  readonly showEvents: boolean;
}

export const examples = [
  ["All about a Pod: state, why it restarted, what happened", "minke describe pod web"],
  ["All Pods with a label", "minke describe pods -l app=web"],
  ["The node", "minke describe node"],
] as const;
export const completes = ["type/name"] as const;

export const command = buildCommand<Flags, string[], CliContext>({
  docs: { brief: "Show all about objects, with their events" },
  parameters: {
    flags: {
      ...selectorFlags,
      showEvents: onFlag("The events at the end"),
      ...namespaceFlag,
      ...allNamespacesFlag,
      ...nodeFlags,
    },
    aliases: { n: "namespace", A: "allNamespaces", l: "selector" },
    positional: { kind: "array", parameter: argument("TYPE|NAME", "TYPE NAME…, TYPE/NAME…, or TYPE for all of them") },
  },
  async func(this: CliContext, flags, ...args) {
    const shown = { events: flags.showEvents, now: this.clock.now() };
    const client = await this.client(flags);
    const targets = targetsOf(args);
    if (flags.allNamespaces && targets.some(({ name }) => name !== undefined))
      throw new UsageError("a resource cannot be retrieved by name across all namespaces");
    const namespace = flags.allNamespaces ? undefined : namespaceOf(flags);
    const selected = await select(client, targets, { ...listOptionsOf(flags), namespace });
    if (selected.length === 0)
      this.note(namespace === undefined ? "No resources found" : `No resources found in ${namespace} namespace.`);
    let printed = 0;
    for (const one of selected) {
      try {
        const { objects, separator } = await objectsNamed(client, one);
        for (const object of objects) {
          const text = await describe(client, object, shown);
          await this.print(`${printed++ === 0 ? "" : separator}${tabbed(text)}`);
        }
      } catch (error) {
        if (!isMinkeError(error, "NotFound")) throw error;
        this.note(describeFailure(error, this.env));
        this.exit(EXIT.error);
      }
    }
  },
});

/** The object of that name, or else, as kubectl has it, all whose names begin so. Rejects when there is none either. */
async function objectsNamed(
  client: Client,
  { type, namespace, name }: Selected,
): Promise<{ readonly objects: readonly KubeObject[]; readonly separator: string }> {
  const resource = client.resource(type, namespace);
  const exact = await resource.find(name);
  if (exact) return { objects: [exact], separator: "\n\n" };
  const similar = (await resource.list()).items.filter(({ metadata }) => metadata.name?.startsWith(name));
  return { objects: similar.length > 0 ? similar : [await resource.get(name)], separator: "\n" };
}

async function describe(
  client: Client,
  object: KubeObject,
  { events: wanted, now }: { readonly events: boolean; readonly now: number },
): Promise<string> {
  const events = wanted ? await eventsOf(client, object) : undefined;
  if (object.kind === "Pod") return describePod(object as Pod, events, now);
  if (object.kind !== "Node") return describePlain(object, events, now);
  const pods = (await client.pods().list({ fieldSelector: `spec.nodeName=${object.metadata.name}` })).items;
  return describeNode({ node: object as Node, pods, events }, now);
}

/** Events of the object itself, not of an earlier one of the same name. */
async function eventsOf(client: Client, { kind, metadata }: KubeObject): Promise<readonly Event[]> {
  // Of a Node the kubelet knows no UID: events name it by its name.
  const uid = kind === "Node" || metadata.uid === undefined ? "" : `,involvedObject.uid=${metadata.uid}`;
  const fieldSelector = `involvedObject.kind=${kind},involvedObject.name=${metadata.name}${uid}`;
  return (await client.events(metadata.namespace).list({ fieldSelector })).items;
}
