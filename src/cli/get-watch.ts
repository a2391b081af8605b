/** `minke get -w`: the objects, then every change, until Ctrl-C. */
import { watchTable } from "../sdk/watch-table.ts";
import { type GetRun, printerFor, scopeOf, watchPath } from "./commands/get.ts";
import { UsageError } from "./exit.ts";
import { listOptionsOf } from "./selection.ts";
import type { Target } from "./targets.ts";

/** Watches one type (or one object); more than one at a time is refused, as kubectl does. */
export async function watchTargets(run: GetRun): Promise<void> {
  const [target, ...more] = run.targets;
  if (!target || more.length > 0) throw new UsageError("you may only watch one type, or one object, at a time");
  if (run.flags.sortBy !== undefined) throw new UsageError("--watch can not be used with --sort-by");
  if (run.format) await watchObjects(run, target);
  else await watchTables(run, target);
}

async function watchTables(run: GetRun, target: Target): Promise<void> {
  const printer = printerFor(run, target);
  // kubectl: a name that does not exist is an error, not something to wait for.
  if (target.name !== undefined) await run.client.resource(target.type, scopeOf(run, target)).get(target.name);
  for await (const event of watchTable(run.client.http, watchPath(run, target), selection(run, target))) {
    if (event.type === "LIST" && (run.flags.watchOnly || event.table.rows.length === 0)) continue;
    await run.context.print(printer.print(event.table));
  }
}

async function watchObjects(run: GetRun, target: Target): Promise<void> {
  const resource = run.client.resource(target.type, scopeOf(run, target));
  const list = run.flags.watchOnly ? await resource.list(selection(run, target)) : undefined;
  const version = list?.metadata.resourceVersion;
  const options = { ...selection(run, target), ...(version === undefined ? {} : { resourceVersion: version }) };
  for await (const { object } of resource.watch(options)) await run.context.print(await run.format!(object, [object]));
}

function selection(run: GetRun, target: Target): ReturnType<typeof listOptionsOf> {
  const options = listOptionsOf(run.flags);
  if (target.name === undefined) return options;
  const byName = `metadata.name=${target.name}`;
  return {
    ...options,
    fieldSelector: options.fieldSelector === undefined ? byName : `${byName},${options.fieldSelector}`,
  };
}
