/** An archive to send: a file, or standard input for `-`. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

import { errnoOf, MinkeError } from "../base/errors.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./exit.ts";

/** The bytes of `file`. Rejects before anything is sent when it can not be read. */
export async function archiveSource(context: CliContext, file: string): Promise<AsyncIterable<Uint8Array>> {
  if (file === "-") {
    if (context.stdin.isTTY)
      throw new UsageError("standard input is a terminal; pipe an archive into it, or name a file");
    return context.stdin;
  }
  try {
    if ((await stat(file)).isDirectory()) {
      throw new UsageError(
        `${file} is a directory; pack it first, such as with 'tar -C ${file} -c . | minke image import - NAME'`,
      );
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const why = errnoOf(error) === "ENOENT" ? "there is no such file" : String(errnoOf(error) ?? error);
    throw new MinkeError("NotFound", `Cannot read ${file}: ${why}`, { cause: error });
  }
  return createReadStream(file, { highWaterMark: 256 * 1024 });
}
