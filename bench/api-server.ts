/**
 * The subject of `npm run bench:api`: the API of a node alone, in a process of its own, over a store on disk and with no
 * engine behind it, so that what is stored is never run. Tells its socket on standard output; ends with its standard input.
 * Usage: node bench/api-server.ts STORE.db
 */
import { startTestApi } from "../test/fixtures/api-server.ts";
import { keepHeapSmall } from "../src/base/heap.ts";
import { openSqliteStore } from "../src/store/sqlite.ts";

keepHeapSmall(); // as `minke serve` does
const path = process.argv[2];
if (path === undefined) throw new Error("Cannot start: the path of the store is missing");
const store = openSqliteStore({ path });
const api = await startTestApi({ store });
console.log(api.socket);
process.stdin.resume().on("end", () => {
  void api[Symbol.asyncDispose]().then(() => {
    store[Symbol.dispose]();
    process.exit(0);
  });
});
