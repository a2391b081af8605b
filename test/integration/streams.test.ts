/** exec, attach and port forwarding over WebSocket, with a stub in place of the runtime. */
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { WebSocket } from "ws";

import { startTestApi } from "../fixtures/api-server.ts";
import type { TestApi } from "../fixtures/api-server.ts";
import type { TestProcess } from "../fixtures/stub-streams.ts";

let api: TestApi;
const POD = "/api/v1/namespaces/default/pods/a";

beforeEach(async () => {
  api = await startTestApi();
  const body = { kind: "Pod", metadata: { name: "a" }, spec: { containers: [{ name: "c", image: "a" }] } };
  await api.call("/api/v1/namespaces/default/pods", { method: "POST", body });
  const stored = api.store.get({ resource: "pods", namespace: "default", name: "a" })!;
  api.store.update("pods", { ...stored, status: { phase: "Running" } });
  api.containers.set("a/c", { containerId: "1", sandboxId: "s", running: true, logPath: "", tty: false, stdin: true });
});
afterEach(() => api[Symbol.asyncDispose]());

/** Everything that came, per channel, once the socket has closed. */
function collect(socket: WebSocket) {
  const channels = new Map<number, Buffer[]>();
  const first: number[] = [];
  const arrived = Promise.withResolvers<void>();
  socket.on("message", (data: Buffer) => {
    first.push(data[0]!);
    channels.set(data[0]!, [...(channels.get(data[0]!) ?? []), data.subarray(1)]);
    arrived.resolve();
  });
  const text = (channel: number): string => Buffer.concat(channels.get(channel) ?? []).toString();
  return { text, first, arrived: arrived.promise, channels };
}

async function opened(socket: WebSocket): Promise<TestProcess> {
  await once(socket, "open");
  while (!api.processes[0]) await new Promise((resolve) => setImmediate(resolve));
  return api.processes[0];
}

/** The Status of a refused handshake. */
async function refusal(socket: WebSocket): Promise<{ code: number; message: string }> {
  const [, response] = (await once(socket, "unexpected-response")) as [unknown, AsyncIterable<Buffer>];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  socket.on("error", () => {});
  socket.terminate();
  return JSON.parse(Buffer.concat(chunks).toString()) as { code: number; message: string };
}

const V5 = ["v5.channel.k8s.io"];

describe("exec", () => {
  const path = `${POD}/exec?command=cat&command=-n&stdin=true&stdout=true&stderr=true`;

  test("streams both ways, the end of input, and the exit code", async () => {
    const socket = api.webSocket(path, V5);
    const got = collect(socket);
    const process = await opened(socket);
    expect(process.request).toMatchObject({ command: ["cat", "-n"], stdin: true, tty: false });
    let input = "";
    process.stdin.on("data", (data) => (input += String(data)));
    const ended = once(process.stdin, "end");
    socket.send(Buffer.from("\0hello"));
    socket.send(Buffer.from([255, 0]));
    await ended;
    expect(input).toBe("hello");
    process.stdout.write("out");
    process.stderr.write("err");
    process.exit(3);
    const [code] = (await once(socket, "close")) as [number];
    expect(code).toBe(1000);
    expect([got.text(1), got.text(2)]).toEqual(["out", "err"]);
    expect(got.first[0]).toBe(1);
    expect(JSON.parse(got.text(3))).toMatchObject({
      reason: "NonZeroExitCode",
      details: { causes: [{ message: "3" }] },
    });
  });

  test("success", async () => {
    const socket = api.webSocket(path, V5);
    const got = collect(socket);
    (await opened(socket)).exit(0);
    await once(socket, "close");
    expect(JSON.parse(got.text(3))).toEqual({ metadata: {}, status: "Success" });
  });

  test("a terminal has one output, and sizes", async () => {
    const socket = api.webSocket(`${POD}/exec?command=sh&stdin=1&stdout=1&tty=1`, ["v4.channel.k8s.io"]);
    const process = await opened(socket);
    socket.send(Buffer.from('\x04{"Width":80,"Height":24}'));
    while (process.sizes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(process.sizes).toEqual([[80, 24]]);
    process.exit(0);
    await once(socket, "close");
  });

  test("a client that leaves ends the process", async () => {
    const socket = api.webSocket(path, V5);
    const process = await opened(socket);
    socket.terminate();
    await process.closed;
  });

  test("much output through a slow reader arrives whole and waits in the process, not in memory", async () => {
    const socket = api.webSocket(path, V5);
    const got = collect(socket);
    const process = await opened(socket);
    await got.arrived;
    socket.pause();
    const block = Buffer.alloc(64 * 1024, 120);
    let accepted = 0;
    while (process.stdout.write(block) && accepted < 100e6) {
      accepted += block.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(accepted).toBeLessThan(100e6);
    socket.resume();
    process.exit(0);
    await once(socket, "close");
    expect(got.text(1).length).toBe(accepted + block.length);
  });

  test("a program that does not exist is told on the error channel", async () => {
    const socket = api.webSocket(`${POD}/exec?command=/missing&stdout=true`, V5);
    const got = collect(socket);
    await once(socket, "close");
    expect(JSON.parse(got.text(3))).toMatchObject({
      reason: "InternalError",
      code: 500,
      message: "no such program: /missing",
    });
  });

  test.each([
    [`${POD}/exec?stdout=true`, V5, 400, "you must specify at least 1 command"],
    [`${POD}/exec?command=a`, V5, 400, "you must specify at least 1 of stdin, stdout, stderr"],
    [`${POD}/exec?command=a&stdout=1&stderr=1&tty=1`, V5, 400, "tty and stderr cannot both be true"],
    [`${POD}/exec?command=a&stdout=1&container=x`, V5, 400, "container x is not valid for pod a"],
    [`${POD.replace(/a$/, "b")}/exec?command=a&stdout=1`, V5, 404, 'pods "b" not found'],
    [`${POD}/exec?command=a&stdout=1`, ["v9.channel.k8s.io"], 403, /unable to negotiate protocol/],
  ])("refused: %s", async (refused, protocols, code, message) => {
    const status = await refusal(api.webSocket(refused, protocols));
    expect(status.code).toBe(code);
    if (typeof message === "string") expect(status.message).toBe(message);
    else expect(status.message).toMatch(message);
  });

  test("without an upgrade", async () => {
    expect((await api.call(path)).json).toMatchObject({ code: 400, message: "Upgrade request required" });
  });

  test("in a container that has ended", async () => {
    api.containers.set("a/c", { ...api.containers.get("a/c")!, running: false });
    expect(await refusal(api.webSocket(path, V5))).toMatchObject({
      code: 400,
      message: 'unable to upgrade connection: container not found ("c")',
    });
  });
});

test("attach leaves the container running when the client goes", async () => {
  const socket = api.webSocket(`${POD}/attach?stdout=true&stdin=true`, V5);
  const got = collect(socket);
  const process = await opened(socket);
  process.stdout.write("hello");
  while (got.text(1) !== "hello") await once(socket, "message");
  socket.close();
  await process.closed;
});

describe("port forwarding", () => {
  test("each port has its channels, the first message on each is its number", async () => {
    const socket = api.webSocket(`${POD}/portforward?ports=80&ports=443`, ["v4.channel.k8s.io"]);
    const got = collect(socket);
    await opened(socket);
    while (got.channels.size < 4 || api.processes.length < 2) await once(socket, "message");
    expect([0, 1, 2, 3].map((channel) => got.channels.get(channel)![0]!.readUInt16LE())).toEqual([80, 80, 443, 443]);
    const [process, other] = api.processes as [TestProcess, TestProcess];
    socket.send(Buffer.from("\0ping"));
    const [data] = (await once(process.stdin, "data")) as [Buffer];
    expect(data.toString()).toBe("ping");
    process.stdout.end("pong");
    other.stdout.end();
    await once(socket, "close");
    expect(got.text(0).slice(2)).toBe("pong");
  });

  test("version 5: the client ends its direction of one port and still gets the answer", async () => {
    const socket = api.webSocket(`${POD}/portforward?ports=80&ports=443`, V5);
    const got = collect(socket);
    await opened(socket);
    while (api.processes.length < 2) await once(socket, "message");
    const [process, other] = api.processes as [TestProcess, TestProcess];
    socket.send(Buffer.from("\0question"));
    socket.send(Buffer.from([255, 0]));
    let asked = "";
    for await (const chunk of process.stdin) asked += String(chunk);
    expect(asked).toBe("question");
    socket.send(Buffer.from("\u0002more"));
    expect(String((await once(other.stdin, "data"))[0])).toBe("more");
    process.stdout.end("answer");
    other.stdout.end();
    await once(socket, "close");
    expect(got.text(0).slice(2)).toBe("answer");
  });

  test("a port on which nobody listens is told on its error channel", async () => {
    const socket = api.webSocket(`${POD}/portforward?ports=1`, ["v4.channel.k8s.io"]);
    const got = collect(socket);
    await once(socket, "close");
    expect(got.text(1).slice(2)).toBe("error forwarding port 1 to pod: connection refused");
  });

  test.each(["", "?ports=x", "?ports=0"])("bad ports: %s", async (query) => {
    const status = await refusal(api.webSocket(`${POD}/portforward${query}`, ["v4.channel.k8s.io"]));
    expect(status).toMatchObject({ code: 400, message: expect.stringMatching(/query parameter "ports"/) });
  });
});
