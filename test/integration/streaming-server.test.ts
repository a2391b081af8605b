/** The server behind the CRI's streaming URLs, in both framings, with a stub in place of the runtime. */
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";

import { systemClock } from "../../src/base/clock.ts";
import { noLog } from "../../src/base/logger.ts";
import { createStreamingServer } from "../../src/server/stream/streaming-server.ts";
import type { StreamingServer } from "../../src/server/stream/streaming-server.ts";
import { upgradeToSpdy } from "../fixtures/spdy-client.ts";
import type { ClientStream, SpdyClient } from "../fixtures/spdy-client.ts";
import { stubStreams } from "../fixtures/stub-streams.ts";
import type { TestProcess } from "../fixtures/stub-streams.ts";

/** As critest and crictl ask. */
const PROTOCOLS = ["v5", "v4", "v3", "v2"].map((version) => `${version}.channel.k8s.io`).concat("channel.k8s.io");
const SHELL = { containerId: "c1", command: ["sh"], stdin: true, stdout: true, stderr: true, tty: false } as const;

let processes: TestProcess[];
let server: StreamingServer;
beforeEach(async () => {
  processes = [];
  server = await createStreamingServer({ streams: stubStreams(processes), clock: systemClock, log: noLog });
});
afterEach(() => server[Symbol.asyncDispose]());

const targetOf = (url: string) => {
  const { hostname: host, port, pathname: path } = new URL(url);
  return { host, port, path };
};
const spdy = async (url: string, protocols = PROTOCOLS) => upgradeToSpdy(targetOf(url), protocols);

/** Opens the streams in the order of client-go. */
async function openAll<T extends string>(client: SpdyClient, types: readonly T[]): Promise<Record<T, ClientStream>> {
  const streams: Partial<Record<T, ClientStream>> = {};
  for (const streamtype of types) streams[streamtype] = await client.open({ streamtype });
  return streams as Record<T, ClientStream>;
}

async function started(index = 0): Promise<TestProcess> {
  while (!processes[index]) await new Promise((resolve) => setImmediate(resolve));
  return processes[index];
}

describe("exec over SPDY", () => {
  test("streams both ways, the end of input, and the exit code", async () => {
    const { client, headers } = await spdy(server.execUrl(SHELL));
    expect(headers).toMatchObject({ "x-stream-protocol-version": "v5.channel.k8s.io", upgrade: "SPDY/3.1" });
    const { error, stdin, stdout, stderr } = await openAll(client, ["error", "stdin", "stdout", "stderr"]);
    const process = await started();
    expect(process.request).toMatchObject({ command: ["sh"], stdin: true, tty: false });
    stdin.end("hello");
    let input = "";
    for await (const chunk of process.stdin) input += String(chunk);
    expect(input).toBe("hello");
    process.stdout.write("out");
    process.stderr.write("err");
    process.exit(3);
    await Promise.all([error.ended, stdout.ended, stderr.ended, stdin.ended]);
    expect([stdout.text(), stderr.text()]).toEqual(["out", "err"]);
    expect(JSON.parse(error.text())).toMatchObject({
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "3" }] },
    });
    expect(await client.goneAway()).toBe(0);
    await client.closed;
  });
});

test("exec over WebSocket", async () => {
  const socket = new WebSocket(server.execUrl(SHELL).replace("http", "ws"), ["v5.channel.k8s.io"]);
  const last = Promise.withResolvers<string>();
  socket.on("message", (data: Buffer) => data[0] === 3 && last.resolve(data.subarray(1).toString()));
  (await started()).exit(0);
  expect(JSON.parse(await last.promise)).toMatchObject({ status: "Success" });
  expect((await once(socket, "close"))[0]).toBe(1000);
});

describe("tokens", () => {
  test("are good for one client", async () => {
    const url = server.execUrl(SHELL);
    expect(new URL(url).pathname).toMatch(/^\/exec\/[\w-]{22,}$/);
    const { client } = await spdy(url);
    await expect(spdy(url)).rejects.toThrow(/^404 /);
    client.transport.destroy();
  });
});
