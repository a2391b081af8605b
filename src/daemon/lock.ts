/**
 * One daemon per instance. The lock is a unix socket that its holder listens on: the kernel lets go of it when the holder
 * dies, however it dies, so a dead lock is told from a live one by asking it.
 */
import { link, mkdtemp, rename, rm, stat, unlink } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import type { Server } from "node:net";
import { join } from "node:path";

import { errnoOf, MinkeError } from "../base/errors.ts";
import type { Instance } from "../host/instance.ts";

/** How often a lock is tried when others come and go beside us. */
const TRIES_MAX = 10;

/** Takes the lock of an instance, whose state directory must exist. Rejects with `AlreadyExists`, naming the holder's pid. */
export async function lockInstance(instance: Pick<Instance, "name" | "state">): Promise<AsyncDisposable> {
  const path = join(instance.state, "lock");
  const directory = await mkdtemp(join(instance.state, ".k"));
  const own = join(directory, "s");
  try {
    const server = await answerWithPid(own);
    try {
      await take(instance, path, own, join(directory, "dead"));
    } catch (error) {
      server.close();
      throw error;
    }
    const { ino } = await stat(own);
    return { [Symbol.asyncDispose]: () => release(server, path, ino) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The pid of the daemon that holds the instance, undefined when none runs. */
export async function lockHolder(instance: Pick<Instance, "state">): Promise<number | undefined> {
  return holderOf(join(instance.state, "lock"));
}

async function take(instance: Pick<Instance, "name">, path: string, own: string, dead: string): Promise<void> {
  for (let attempt = 1; attempt <= TRIES_MAX; attempt++) {
    try {
      return await link(own, path);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
    refuse(instance, await holderOf(path));
    try {
      await rename(path, dead);
    } catch (error) {
      if (errnoOf(error) === "ENOENT") continue;
      throw error;
    }
    // Between the question and the rename a live lock may have come: then it is put back.
    const holder = await holderOf(dead);
    if (holder !== undefined) await link(dead, path).catch(() => {});
    await unlink(dead);
    refuse(instance, holder);
  }
  throw new MinkeError("Unavailable", `Cannot lock instance "${instance.name}": others take ${path} all the time`);
}

function refuse(instance: Pick<Instance, "name">, holder: number | undefined): void {
  if (holder === undefined) return;
  throw new MinkeError(
    "AlreadyExists",
    `Cannot start a node of instance "${instance.name}": process ${holder} already runs it; stop it, or choose another --instance`,
    { details: { pid: holder } },
  );
}

function answerWithPid(path: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end(String(process.pid));
  });
  server.unref();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => resolve(server));
  });
}

function holderOf(path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = createConnection(path);
    socket.on("data", (data) => (text += data.toString()));
    socket.on("end", () => resolve(Number(text) || 0));
    socket.on("error", () => resolve(undefined));
  });
}

async function release(server: Server, path: string, inode: number): Promise<void> {
  server.close();
  try {
    if ((await stat(path)).ino === inode) await unlink(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}
