/** Watching as the server prints it: first the table of what is there, then one small table per change. */
import type { Status } from "../api/gen/types.ts";
import { sleep, systemClock } from "../base/clock.ts";
import { isMinkeError } from "../base/errors.ts";
import { linesOf } from "./body.ts";
import type { Http } from "./http.ts";
import { withQuery } from "./query.ts";
import { type ListOptions, type Table, TABLE_TYPE } from "./resource.ts";
import { errorOfStatus, isExpired } from "./status-error.ts";

const RECONNECTS_MAX = 5;
const RECONNECT_PAUSE_MS = 100;

export interface TableEvent {
  readonly type: "LIST" | "ADDED" | "MODIFIED" | "DELETED";
  readonly table: Table;
}

/** Tables of the collection at `path` until the signal aborts; throws when the node stays away. */
export async function* watchTable(http: Http, path: string, options: ListOptions = {}): AsyncGenerator<TableEvent> {
  const { signal, ...query } = options;
  const request = { accept: TABLE_TYPE, ...(signal ? { signal } : {}) };
  let version: string | undefined;
  let failures = 0;
  for (;;) {
    if (signal?.aborted) return;
    try {
      if (version === undefined) {
        const table = await http.json<Table>("GET", withQuery(path, query), request);
        version = table.metadata?.resourceVersion ?? "0";
        yield { type: "LIST", table };
      }
      const url = withQuery(path, { ...query, watch: true, allowWatchBookmarks: true, resourceVersion: version });
      const response = await http.stream("GET", url, request);
      for await (const event of eventsOf(response.body)) {
        failures = 0;
        version = versionOf(event.table) ?? version;
        if (event.table.rows.length > 0) yield event;
      }
      await sleep(systemClock, RECONNECT_PAUSE_MS);
    } catch (error) {
      if (signal?.aborted) return;
      if (isExpired(error)) version = undefined;
      else if (!isMinkeError(error, "Unavailable") || ++failures > RECONNECTS_MAX) throw error;
      else await sleep(systemClock, RECONNECT_PAUSE_MS * 2 ** (failures - 1));
    }
  }
}

async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<TableEvent> {
  try {
    for await (const line of linesOf(body)) {
      const event = JSON.parse(line) as { type: string; object: unknown };
      if (event.type === "ERROR") throw errorOfStatus(event.object as Status);
      const table = event.object as Table;
      if (event.type === "BOOKMARK") yield { type: "MODIFIED", table: { ...table, rows: [] } };
      else yield { type: event.type as TableEvent["type"], table };
    }
  } catch (error) {
    // A connection that is cut off, perhaps inside a line, is an ended one.
    if (isMinkeError(error) || !(error instanceof Error)) throw error;
  }
}

function versionOf(table: Table): string | undefined {
  const ofTable = table.metadata?.resourceVersion;
  return ofTable === undefined || ofTable === "" ? table.rows[0]?.object?.metadata.resourceVersion : ofTable;
}
