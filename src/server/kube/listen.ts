/** Listens on a unix socket that nobody but its owner can open, and that takes the place of a dead one in one step. */
import { chmod, mkdtemp, rename, rm, stat, unlink } from "node:fs/promises";
import type { Server } from "node:net";
import { createConnection } from "node:net";
import { dirname, join } from "node:path";

import { errnoOf, MinkeError } from "../../base/errors.ts";

/** The kernel's limit for a socket's path (sockaddr_un), less its final zero. */
const SOCKET_PATH_MAX_BYTES = 107;

/**
 * Binds the socket in a private directory beside `path`, restricts it, and moves it into place: there is no moment at which
 * others could connect, and no umask to change for the whole process. Rejects with `AlreadyExists` when somebody answers
 * on `path`. Dispose to remove the socket, unless another server has taken its place.
 */
export async function listenOnSocket(server: Server, path: string): Promise<AsyncDisposable> {
  if (await answers(path)) {
    throw new MinkeError("AlreadyExists", `Cannot listen on ${path}: another server answers there; stop it first`);
  }
  const directory = await mkdtemp(join(dirname(path), ".l"));
  const temporary = join(directory, "s");
  try {
    requireShort(temporary, path);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(temporary, () => resolve(server.off("error", reject) && undefined));
    });
    await chmod(temporary, 0o600);
    const { ino } = await stat(temporary);
    await rename(temporary, path);
    return { [Symbol.asyncDispose]: () => removeSocket(path, ino) };
  } catch (error) {
    server.close();
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function requireShort(temporary: string, path: string): void {
  if (Buffer.byteLength(temporary) <= SOCKET_PATH_MAX_BYTES) return;
  throw new MinkeError(
    "InvalidArgument",
    `Cannot listen on ${path}: the path is too long for a unix socket (at most ${SOCKET_PATH_MAX_BYTES} bytes with a temporary name); choose a shorter --state directory`,
  );
}

async function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.on("connect", () => resolve(socket.destroy() && true));
    socket.on("error", () => resolve(false));
  });
}

async function removeSocket(path: string, inode: number): Promise<void> {
  try {
    if ((await stat(path)).ino === inode) await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}
