/** The server behind the CRI's streaming URLs, in both framings, with a stub in place of the runtime. */
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";

import { FakeClock } from "../../src/base/clock.ts";
import { noLog } from "../../src/base/logger.ts";
import { FORWARDS_MAX } from "../../src/server/stream/spdy-port-forward.ts";
import { createStreamingServer } from "../../src/server/stream/streaming-server.ts";
import type { StreamingServer } from "../../src/server/stream/streaming-server.ts";
import { SpdyClient, upgradeToSpdy } from "../fixtures/spdy-client.ts";
import type { ClientStream } from "../fixtures/spdy-client.ts";
import { openTunnel } from "../fixtures/web-socket-tunnel.ts";
import { stubStreams } from "../fixtures/stub-streams.ts";
import type { TestProcess } from "../fixtures/stub-streams.ts";

/** As critest and crictl ask. */
const PROTOCOLS = ["v5", "v4", "v3", "v2"].map((version) => `${version}.channel.k8s.io`).concat("channel.k8s.io");
const SHELL = { containerId: "c1", command: ["sh"], stdin: true, stdout: true, stderr: true, tty: false } as const;
const TERMINAL = { ...SHELL, stderr: false, tty: true } as const;

let processes: TestProcess[];
let clock: FakeClock;
let server: StreamingServer;
let clients: { destroy(): void }[];
beforeEach(async () => {
  [processes, clients, clock] = [[], [], new FakeClock()];
  server = await createStreamingServer({ streams: stubStreams(processes), clock, log: noLog });
});
afterEach(async () => {
  for (const client of clients) client.destroy();
  await server[Symbol.asyncDispose]();
});

function targetOf(url: string): { readonly host: string; readonly port: string; readonly path: string } {
  const { hostname: host, port, pathname: path } = new URL(url);
  return { host, port, path };
}

async function spdy(url: string, protocols: readonly string[] = PROTOCOLS): Promise<SpdyClient> {
  const { client } = await upgradeToSpdy(targetOf(url), protocols);
  clients.push(client.transport);
  return client;
}

/** Opens the streams in the order of client-go. */
async function openAll<T extends string>(client: SpdyClient, types: readonly T[]): Promise<Record<T, ClientStream>> {
  const streams: Partial<Record<T, ClientStream>> = {};
  for (const streamtype of types) streams[streamtype] = await client.open({ streamtype });
  return streams as Record<T, ClientStream>;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

async function started(index = 0): Promise<TestProcess> {
  await until(() => processes[index] !== undefined);
  return processes[index]!;
}

describe("exec over SPDY", () => {
  test("streams both ways, the end of input, and the exit code", async () => {
    const { client, headers } = await upgradeToSpdy(targetOf(server.execUrl(SHELL)), PROTOCOLS);
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

  test("a terminal has one output, and sizes, and ends while its input is open", async () => {
    const client = await spdy(server.execUrl(TERMINAL), ["v4.channel.k8s.io"]);
    const { error, stdin, stdout, resize } = await openAll(client, ["error", "stdin", "stdout", "resize"]);
    const process = await started();
    resize.write('{"Width":80,"Hei');
    resize.write('ght":24}\n{"Width":81,"Height":25}\n');
    await until(() => process.sizes.length > 0);
    expect(process.sizes.at(-1)).toEqual([81, 25]);
    process.exit(0);
    await Promise.all([stdout.ended, error.ended, stdin.ended]);
    expect(JSON.parse(error.text())).toEqual({ metadata: {}, status: "Success" });
  });

  test.each([
    ["v5.channel.k8s.io", "channel.k8s.io"],
    ["v4.channel.k8s.io", "v3.channel.k8s.io"],
  ])("%s says how it ended as a Status; %s in plain text, and nothing on success", async (json, text) => {
    const run = async (protocol: string, code: number): Promise<string> => {
      const process = started(processes.length);
      const client = await spdy(server.execUrl(SHELL), [protocol]);
      const { error } = await openAll(client, ["error", "stdin", "stdout", "stderr"]);
      (await process).exit(code);
      await error.ended;
      return error.text();
    };
    expect(JSON.parse(await run(json, 1))).toMatchObject({ status: "Failure" });
    expect(await run(text, 1)).toBe("command terminated with non-zero exit code: exit status 1");
    expect(await run(text, 0)).toBe("");
  });

  test("a program that does not exist is told on the error stream", async () => {
    const client = await spdy(server.execUrl({ ...SHELL, command: ["/missing"], stdin: false }));
    const { error, stdout } = await openAll(client, ["error", "stdout", "stderr"]);
    await Promise.all([error.ended, stdout.ended]);
    expect(JSON.parse(error.text())).toMatchObject({ reason: "InternalError", message: "no such program: /missing" });
  });

  test("streams that belong to no session are refused, and so is one for the second time", async () => {
    const client = await spdy(server.execUrl({ ...SHELL, stdin: false }));
    for (const streamtype of ["stdin", "resize", "other"])
      expect(await (await client.open({ streamtype })).reset).toBe(3);
    await client.open({ streamtype: "error" });
    expect(await (await client.open({ streamtype: "error" })).reset).toBe(3);
    await openAll(client, ["stdout", "stderr"]);
    await started();
  });

  test("a client that does not open its streams is given up after 30 s", async () => {
    const client = await spdy(server.execUrl(SHELL));
    await client.open({ streamtype: "error" });
    clock.advance(30_000);
    await client.closed;
    expect(processes).toEqual([]);
  });

  test.each([
    ["leaves", (client: SpdyClient) => client.transport.destroy()],
    ["talks nonsense", (client: SpdyClient) => client.transport.write("GET / HTTP/1.1\r\n\r\n")],
  ])("a client that %s ends the process", async (_what, misbehave) => {
    const client = await spdy(server.execUrl(SHELL));
    await openAll(client, ["error", "stdin", "stdout", "stderr"]);
    const process = await started();
    misbehave(client);
    await process.closed;
    await client.closed;
  });

  test("much output through a slow reader arrives whole and waits in the process, not in memory", async () => {
    const client = await spdy(server.execUrl(SHELL));
    const { stdout } = await openAll(client, ["error", "stdin", "stdout", "stderr"]);
    const process = await started();
    client.transport.pause();
    const block = Buffer.alloc(64 * 1024, 120);
    let accepted = block.length;
    while (process.stdout.write(block) && accepted < 100e6) {
      accepted += block.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(accepted).toBeLessThan(100e6);
    client.transport.resume();
    process.exit(0);
    await stdout.ended;
    expect(stdout.size()).toBe(accepted);
  });
});

test("attach leaves the container running when the client goes", async () => {
  const client = await spdy(
    server.attachUrl({ containerId: "c1", stdin: true, stdout: true, stderr: true, tty: false }),
  );
  const { stdout } = await openAll(client, ["error", "stdin", "stdout", "stderr"]);
  const process = await started();
  process.stdout.write("hello");
  await client.frame(() => stdout.text() === "hello");
  client.transport.destroy();
  await process.closed;
});

test("exec over WebSocket", async () => {
  const socket = new WebSocket(server.execUrl(SHELL).replace("http", "ws"), ["v5.channel.k8s.io"]);
  const last = Promise.withResolvers<string>();
  socket.on("message", (data: Buffer) => data[0] === 3 && last.resolve(data.subarray(1).toString()));
  (await started()).exit(0);
  expect(JSON.parse(await last.promise)).toMatchObject({ status: "Success" });
  expect((await once(socket, "close"))[0]).toBe(1000);
});

describe("port forwarding", () => {
  const raw = async (): Promise<SpdyClient> => spdy(server.portForwardUrl("s1"), ["portforward.k8s.io"]);
  const tunnel = async (): Promise<SpdyClient> => {
    const url = server.portForwardUrl("s1");
    const client = new SpdyClient(await openTunnel(targetOf(url), "SPDY/3.1+portforward.k8s.io"));
    clients.push(client.transport);
    return client;
  };
  /** The streams of one connection, as kubectl opens them. */
  const forward = async (client: SpdyClient, port: string, requestid?: string) => {
    const headers = { port, ...(requestid === undefined ? {} : { requestid }) };
    const error = await client.open({ ...headers, streamtype: "error" });
    error.end();
    return { error, data: await client.open({ ...headers, streamtype: "data" }) };
  };

  test.each([
    ["SPDY", raw],
    ["SPDY inside a WebSocket", tunnel],
  ])("over %s: many connections, each half ends on its own", async (_name, connect) => {
    const client = await connect();
    const pairs = [];
    for (const id of ["0", "1", "2"]) pairs.push(await forward(client, "80", id));
    await started(2);
    for (const [index, { data, error }] of pairs.entries()) {
      data.end(`question ${index}`);
      let asked = "";
      for await (const chunk of processes[index]!.stdin) asked += String(chunk);
      expect(asked).toBe(`question ${index}`);
      processes[index]!.stdout.end(`answer ${index}`);
      await Promise.all([data.ended, error.ended]);
      expect([data.text(), error.text()]).toEqual([`answer ${index}`, ""]);
    }
  });

  test("a client that sends no request id pairs its streams by their numbers", async () => {
    const client = await raw();
    const { data, error } = await forward(client, "80");
    (await started()).stdout.end("hello");
    await Promise.all([data.ended, error.ended]);
    expect(data.text()).toBe("hello");
  });

  test("a server in the Pod that answers before it has read all is heard to its end", async () => {
    const client = await raw();
    const { data, error } = await forward(client, "80", "0");
    const process = await started();
    data.write(Buffer.alloc(100_000));
    await once(process.stdin, "readable");
    process.stdin.destroy(new Error("EPIPE"));
    process.stdout.end("413");
    await Promise.all([data.ended, error.ended]);
    expect([data.text(), error.text()]).toEqual(["413", ""]);
    await process.closed;
  });

  test("a client that resets a connection ends it, without a word and without the others", async () => {
    const client = await raw();
    const [gone, other] = [await forward(client, "80", "0"), await forward(client, "80", "1")];
    const process = await started();
    gone.data.cancel();
    await process.closed;
    await gone.error.ended;
    expect(gone.error.text()).toBe("");
    (await started(1)).stdout.end("still here");
    await other.data.ended;
  });

  test("a port on which nobody listens is told on its error stream, and the others go on", async () => {
    const client = await raw();
    const { error, data } = await forward(client, "1", "0");
    await Promise.all([error.ended, data.reset]);
    expect(error.text()).toBe("error forwarding port 1 to pod: connection refused");
    await forward(client, "80", "1");
    await started();
  });

  test.each<Record<string, string>>([
    { streamtype: "data", requestid: "1" },
    { streamtype: "data", requestid: "1", port: "0" },
    { streamtype: "data", requestid: "1", port: "65536" },
    { streamtype: "data", requestid: "1", port: "8o" },
    { streamtype: "stdin", requestid: "1", port: "80" },
    { requestid: "1", port: "80" },
  ])("a stream with %j is refused", async (headers) => {
    expect(await (await (await raw()).open(headers)).reset).toBe(3);
  });

  test("half a pair is given up after 30 s, with a word on its error stream", async () => {
    const client = await raw();
    const error = await client.open({ streamtype: "error", requestid: "1", port: "80" });
    const data = await client.open({ streamtype: "data", requestid: "2", port: "80" });
    expect(await (await client.open({ streamtype: "data", requestid: "2", port: "80" })).reset).toBe(3);
    clock.advance(30_000);
    await Promise.all([error.ended, data.reset]);
    expect(error.text()).toBe("request 1 timed out waiting for streams");
  });

  test(`at most ${FORWARDS_MAX} connections at a time, and more when some have ended`, async () => {
    const client = await raw();
    const pairs = [];
    for (let id = 0; id < FORWARDS_MAX; id++) pairs.push(await forward(client, "80", String(id)));
    const more = { streamtype: "error", port: "80", requestid: "more" };
    expect(await (await client.open(more)).reset).toBe(3);
    await started(FORWARDS_MAX - 1);
    pairs[0]!.data.end();
    processes[0]!.stdout.end();
    await Promise.all([pairs[0]!.data.ended, pairs[0]!.error.ended]);
    const error = await client.open(more);
    client.ping(1);
    await client.frame(({ type, id }) => type === 6 && id === 1);
    expect(await Promise.race([error.reset, Promise.resolve("open")])).toBe("open");
  });

  test("when the client leaves, all its connections end", async () => {
    const client = await tunnel();
    await forward(client, "80", "0");
    await forward(client, "80", "1");
    await started(1);
    client.transport.destroy();
    await Promise.all(processes.map(({ closed }) => closed));
  });

  test("over plain WebSocket channels the ports are those of the request", async () => {
    const url = server.portForwardUrl("s1", [80]).replace("http", "ws");
    const socket = new WebSocket(url, ["v4.channel.k8s.io"]);
    const [first] = (await once(socket, "message")) as [Buffer];
    expect([first[0], first.readUInt16LE(1)]).toEqual([0, 80]);
    (await started()).stdout.end();
    await once(socket, "close");
  });
});

describe("URLs", () => {
  const status = async (url: string, method = "GET", headers = {}): Promise<number> => {
    const sent = request(url, { method, headers, agent: false });
    sent.end();
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    response.resume();
    return response.statusCode!;
  };

  test("are on loopback, with a secret, and good for one client", async () => {
    const url = server.execUrl(SHELL);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/exec\/[\w-]{22,}$/);
    expect(server.attachUrl(SHELL)).toMatch(/\/attach\/[\w-]{22,}$/);
    expect(server.portForwardUrl("s1")).toMatch(/\/portforward\/[\w-]{22,}$/);
    await spdy(url);
    await expect(spdy(url)).rejects.toThrow(/^404 /);
  });

  test("that are unknown, old, or of another kind are not found", async () => {
    const url = server.execUrl(SHELL);
    await expect(spdy(url.replace("/exec/", "/attach/"))).rejects.toThrow(/^404 /);
    expect(await status(new URL("/", url).href)).toBe(404);
    expect(await status(new URL("/exec/", url).href)).toBe(404);
    expect(await status(server.execUrl(SHELL), "PUT")).toBe(404);
    const old = server.execUrl(SHELL);
    clock.advance(60_000);
    await expect(spdy(old)).rejects.toThrow(/^404 /);
  });

  test.each([
    [{ ...SHELL, tty: true }, /tty and stderr cannot both be true/],
    [{ ...SHELL, stdin: false, stdout: false, stderr: false }, /one of stdin, stdout, stderr must be true/],
    [{ ...SHELL, command: [] as unknown as [string] }, /no command/],
  ])("are not given for what can not be served", (refused, message) => {
    expect(() => server.execUrl(refused)).toThrow(expect.objectContaining({ code: "InvalidArgument" }));
    expect(() => server.execUrl(refused)).toThrow(message);
  });

  test("want an upgrade, to a protocol that is served", async () => {
    expect(await status(server.execUrl(SHELL))).toBe(400);
    expect(await status(server.execUrl(SHELL), "GET", { connection: "upgrade", upgrade: "h2c" })).toBe(400);
    expect(await status(server.execUrl(SHELL), "POST", { connection: "upgrade", upgrade: "SPDY/3.1" })).toBe(400);
    await expect(spdy(server.execUrl(SHELL), ["v9.channel.k8s.io"])).rejects.toMatchObject({
      message: expect.stringMatching(/^403 .*server accepts \[v5.channel.k8s.io v4/),
      headers: { "x-accepted-stream-protocol-versions": expect.stringContaining("v4.channel.k8s.io") },
    });
    await expect(spdy(server.portForwardUrl("s1"))).rejects.toThrow(/^403 /);
  });
});

test("closing the server ends all sessions", async () => {
  const client = await spdy(server.execUrl(SHELL));
  await openAll(client, ["error", "stdin", "stdout", "stderr"]);
  const process = await started();
  await server[Symbol.asyncDispose]();
  await Promise.all([process.closed, client.closed]);
});
