/**
 * etcd as a subject of `npm run bench:api`: one member on loopback with its own folder, written to over gRPC, which is how
 * the Kubernetes API server writes to it. Fsync before the reply is etcd's default. Its two messages are so small that they
 * are put together by hand; the numbers are those of etcd's api/etcdserverpb/rpc.proto.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

import { Client, credentials } from "@grpc/grpc-js";

import { installed, until } from "./process.ts";

export interface Etcd extends AsyncDisposable {
  put(key: string, value: string): Promise<void>;
}

const PUT = "/etcdserverpb.KV/Put";

/** Starts it; undefined when it is not installed. */
export async function startEtcd(
  folder: string,
  ports: readonly [client: number, peer: number],
): Promise<Etcd | undefined> {
  if (!installed("etcd")) return undefined;
  const [client, peer] = ports.map((port) => `http://127.0.0.1:${port}`) as [string, string];
  const args = [
    ["--name", "bench", "--data-dir", folder, "--logger", "zap", "--log-level", "error"],
    ["--listen-client-urls", client, "--advertise-client-urls", client],
    ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", `bench=${peer}`],
  ].flat();
  const server = spawn("etcd", args, { stdio: "ignore" });
  const gone = once(server, "exit");
  const channel = new Client(`127.0.0.1:${ports[0]}`, credentials.createInsecure());
  const put = async (key: string, value: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const message = Buffer.concat([field(1, key), field(2, value)]);
      channel.makeUnaryRequest(PUT, asItIs, asItIs, message, (error) => (error ? reject(error) : resolve()));
    });
  let isUp = false;
  channel.waitForReady(Date.now() + 30_000, (error) => (isUp = error === undefined));
  await until(() => isUp || server.exitCode !== null, "etcd");
  if (!isUp) throw new Error(`Cannot start etcd: it ended with ${server.exitCode}`);
  await put("first", ""); // Waits until it has made itself the leader.
  return {
    put,
    async [Symbol.asyncDispose]() {
      channel.close();
      server.kill("SIGTERM");
      await gone;
    },
  };
}

const asItIs = (bytes: Buffer): Buffer => bytes;

/** A length-delimited field of protobuf. */
function field(number: number, text: string): Buffer {
  const bytes = Buffer.from(text);
  const length: number[] = [];
  let left = bytes.length;
  for (; left > 127; left >>>= 7) length.push((left & 127) | 128);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, left]), bytes]);
}
