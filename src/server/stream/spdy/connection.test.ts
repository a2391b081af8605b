import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { finished } from "node:stream/promises";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";

import { FakeClock } from "../../../base/clock.ts";
import { SpdyClient } from "../../../../test/fixtures/spdy-client.ts";
import type { ClientStream } from "../../../../test/fixtures/spdy-client.ts";
import { IDLE_TIMEOUT_MS, RECEIVE_BUFFER_BYTES, SpdyConnection, STREAMS_MAX } from "./connection.ts";
import type { SpdyStream } from "./stream.ts";

const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0)) step();
});

interface Pair {
  readonly client: SpdyClient;
  readonly server: SpdyConnection;
  /** What the client has opened, by id. */
  readonly opened: Map<number, SpdyStream>;
}

/** Client and server at the two ends of a TCP connection. */
async function pair(
  onStream: (stream: SpdyStream) => void = (stream) => stream.accept(),
  clock = new FakeClock(),
): Promise<Pair> {
  const listener = createServer({ noDelay: true }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const near = connect({ port: (listener.address() as AddressInfo).port, host: "127.0.0.1", noDelay: true });
  const [far] = (await once(listener, "connection")) as [Socket];
  listener.close();
  undo.push(
    () => near.destroy(),
    () => far.destroy(),
  );
  const opened = new Map<number, SpdyStream>();
  const server = new SpdyConnection(far, {
    clock,
    onStream(stream) {
      opened.set(stream.id, stream);
      onStream(stream);
    },
  });
  return { client: new SpdyClient(near), server, opened };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Writes as much as the stream takes without waiting longer than some turns of the loop; returns the bytes. */
async function fill(write: (block: Buffer) => boolean, limit: number): Promise<number> {
  const block = Buffer.alloc(64 * 1024, 120);
  let bytes = 0;
  for (let refused = 0; refused < 200 && bytes < limit;) {
    if (write(block)) [refused, bytes] = [0, bytes + block.length];
    else refused++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return bytes;
}

describe("streams", () => {
  test("carry bytes both ways, and each half ends on its own", async () => {
    const { client, opened } = await pair();
    const near = await client.open({ streamtype: "data", port: "80" });
    const far = opened.get(1)!;
    expect(Object.fromEntries(far.headers)).toEqual({ streamtype: "data", port: "80" });
    near.end("question");
    let asked = "";
    for await (const chunk of far.iterator({ destroyOnReturn: false })) asked += String(chunk);
    expect(asked).toBe("question");
    far.end("answer");
    await near.ended;
    expect(near.text()).toBe("answer");
    await finished(far);
    expect(client.frames.filter(({ type }) => type === 3)).toEqual([]);
  });

  test("of a client that refuses one go on with the others", async () => {
    const { client, opened } = await pair();
    const [one, other] = [await client.open({}), await client.open({})];
    one.cancel();
    await once(opened.get(one.id)!.resume(), "close");
    opened.get(other.id)!.write("still here");
    await client.frame(() => other.text() === "still here");
    client.data(one.id, Buffer.from("late"), 0);
    client.ping(1);
    await client.frame(({ type }) => type === 6);
  });

  test("that the server refuses or destroys are reset", async () => {
    const { client, opened } = await pair((stream) => (stream.headers.get("no") ? stream.refuse() : stream.accept()));
    expect(await (await client.open({ no: "1" })).reset).toBe(3);
    const near = await client.open({});
    opened.get(near.id)!.destroy();
    expect(await near.reset).toBe(5);
  });

  test("that the client opens with their end are read to their end", async () => {
    const { client, opened } = await pair();
    const near = await client.open({}, 1);
    await once(opened.get(near.id)!.resume(), "end");
  });

  test(`are refused from number ${STREAMS_MAX + 1} on, until one has ended`, async () => {
    const { client, opened } = await pair();
    const streams: ClientStream[] = [];
    for (let i = 0; i < STREAMS_MAX; i++) streams.push(await client.open({}));
    expect(await (await client.open({})).reset).toBe(3);
    streams[0]!.cancel();
    await once(opened.get(streams[0]!.id)!, "close");
    const more = await client.open({});
    expect(opened.has(more.id)).toBe(true);
  });

  test("carry any bytes, cut in any way, many at a time", async () => {
    const writes = fc.array(fc.tuple(fc.nat(3), fc.uint8Array({ maxLength: 5000 })), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(writes, writes, async (up, down) => {
        const { client, opened } = await pair();
        const streams = [await client.open({}), await client.open({}), await client.open({}), await client.open({})];
        const fars = streams.map(({ id }) => opened.get(id)!);
        const received = fars.map(async (far) => Buffer.concat(await far.toArray()));
        for (const [index, bytes] of up) streams[index]!.write(bytes);
        for (const [index, bytes] of down) fars[index]!.write(bytes);
        for (const far of fars) far.end();
        await Promise.all(streams.map(({ ended }) => ended));
        for (const stream of streams) stream.end();
        const all = (list: readonly (readonly [number, Uint8Array])[], index: number): string =>
          Buffer.concat(list.filter(([i]) => i === index).map(([, bytes]) => bytes)).toString();
        expect((await Promise.all(received)).map(String)).toEqual(streams.map((_, index) => all(up, index)));
        expect(streams.map((stream) => stream.text())).toEqual(streams.map((_, index) => all(down, index)));
        client.transport.destroy();
      }),
      { numRuns: 30 },
    );
  });
});

describe("back-pressure", () => {
  test("a client that does not read stops what is written, and gets all of it later", async () => {
    const { client, opened } = await pair();
    const near = await client.open({});
    const far = opened.get(near.id)!;
    client.transport.pause();
    const accepted = await fill((block) => !far.writableNeedDrain && (far.write(block), true), 500e6);
    expect(accepted).toBeLessThan(100e6);
    client.transport.resume();
    far.end();
    await near.ended;
    expect(near.size()).toBe(accepted);
  });

  test("a stream that is not read holds up the others late, and then the client itself", async () => {
    const { client, opened } = await pair();
    const [slow, brisk] = [await client.open({}), await client.open({})];
    let seen = 0;
    opened.get(brisk.id)!.on("data", (chunk: Buffer) => (seen += chunk.length));
    slow.write(Buffer.alloc(RECEIVE_BUFFER_BYTES / 2));
    brisk.write(Buffer.alloc(100_000));
    await until(() => seen === 100_000);
    const socket = client.transport;
    const accepted = await fill((block) => !socket.writableNeedDrain && (slow.write(block), true), 500e6);
    expect(accepted).toBeLessThan(100e6);
    const far = opened.get(slow.id)!;
    expect(far.readableLength).toBeLessThan(RECEIVE_BUFFER_BYTES + 1e6);
    slow.end();
    let all = 0;
    for await (const chunk of far) all += (chunk as Buffer).length;
    expect(all).toBe(accepted + RECEIVE_BUFFER_BYTES / 2);
  });

  test("a client that heeds windows is told of what was taken", async () => {
    const { client, opened } = await pair();
    const near = await client.open({});
    const far = opened.get(near.id)!;
    const credit = (): number =>
      client.frames
        .filter(({ type, id }) => type === 9 && id === near.id)
        .reduce((sum, f) => sum + f.payload.readUInt32BE(4), 0);
    near.write(Buffer.alloc(128 * 1024));
    await until(() => far.readableLength === 128 * 1024);
    expect(credit()).toBeLessThan(128 * 1024);
    far.resume();
    near.write(Buffer.alloc(64 * 1024));
    await client.frame(() => credit() > 192 * 1024 - 32 * 1024);
    expect(credit()).toBeLessThanOrEqual(192 * 1024);
  });
});

describe("the connection", () => {
  test("answers pings of the client, and says nothing before it was spoken to", async () => {
    const { client } = await pair();
    client.ping(2);
    client.ping(7);
    expect((await client.frame(({ type }) => type === 6)).id).toBe(7);
    expect(client.frames.length).toBe(1);
  });

  test("passes over settings, window updates, more headers and unknown frames", async () => {
    const { client, opened } = await pair();
    const near = await client.open({});
    client.send(4, 0, Buffer.alloc(12));
    client.send(9, 0, Buffer.from([0, 0, 0, 1, 0, 0, 1, 0]));
    client.send(77, 0, Buffer.from("what"));
    client.send(8, 1, Buffer.concat([Buffer.from([0, 0, 0, near.id]), await client.compress({ more: "1" })]));
    await once(opened.get(near.id)!.resume(), "end");
    expect((await client.open({ a: "b" })).id).toBe(3);
    expect(opened.get(3)!.headers.get("a")).toBe("b");
  });

  test("ends when a client that says farewell has no stream left", async () => {
    const { client, server } = await pair();
    const near = await client.open({});
    client.send(7, 0, Buffer.alloc(8));
    near.cancel();
    expect(await client.goneAway()).toBe(0);
    await client.closed;
    await until(() => server.gone.aborted);
  });

  test("closes behind what was written, and leaves the last step to the client", async () => {
    const { client, server, opened } = await pair();
    client.transport.removeAllListeners("end");
    const near = await client.open({});
    opened.get(near.id)!.end("last words");
    const closed = server.close();
    expect(await client.goneAway()).toBe(0);
    expect(near.text()).toBe("last words");
    client.ping(1);
    expect(server.gone.aborted).toBe(false);
    client.transport.end();
    await closed;
  });

  test("of a client that vanishes takes its streams with it", async () => {
    const { client, server, opened } = await pair();
    const near = await client.open({});
    const far = opened.get(near.id)!;
    client.transport.destroy();
    await once(far, "close");
    expect(server.gone.aborted).toBe(true);
    const failed = new Promise((resolve) => far.write("too late", resolve));
    expect(await failed).toBeInstanceOf(Error);
  });

  test("ends when nothing has moved for hours, and not before", async () => {
    const clock = new FakeClock();
    const { client, server } = await pair(undefined, clock);
    clock.advance(IDLE_TIMEOUT_MS - 1000);
    client.ping(1);
    await client.frame(({ type }) => type === 6);
    clock.advance(IDLE_TIMEOUT_MS - 1000);
    expect(server.gone.aborted).toBe(false);
    clock.advance(1000);
    await client.closed;
    expect(clock.nextDue()).toBeUndefined();
  });

  test("of a client that asks and does not read ends", async () => {
    const { client, server } = await pair();
    client.transport.pause();
    for (let id = 1; !server.gone.aborted; id += 2) {
      client.ping(id);
      if (id % 2001 === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(id).toBeLessThan(20e6);
    }
  });
});

describe("a client that breaks the protocol is told so, and the connection ends", () => {
  const id = (value: number): Buffer => Buffer.from([0, 0, 0, value]);
  test.each<[string, (client: SpdyClient) => unknown]>([
    ["no frame at all", ({ transport }) => transport.write("\x80GET / HTTP/1.1\r\n\r\n")],
    ["another version", (client) => client.send(6, 0, id(1), 2)],
    ["a control frame that is too long", (client) => client.send(1, 0, Buffer.alloc(20_000))],
    ["a new stream that is too short", (client) => client.send(1, 0, id(3))],
    ["a ping that is too long", (client) => client.send(6, 0, Buffer.alloc(5))],
    ["a reset that is too short", (client) => client.send(3, 0, id(1))],
    ["a farewell that is too short", (client) => client.send(7, 0, id(1))],
    ["a window update that is too short", (client) => client.send(9, 0, id(1))],
    ["a reply, though we open nothing", (client) => client.send(2, 0, id(1))],
    ["data for a stream that was never opened", (client) => client.data(99, Buffer.from("x"), 0)],
    ["data for stream 0", (client) => client.data(0, Buffer.from("x"), 0)],
    ["headers that are not compressed", (client) => client.send(8, 0, Buffer.concat([id(1), Buffer.from("hello")]))],
    ["an even stream id", async (client) => client.send(1, 0, await synStream(client, 4))],
    ["a stream id for the second time", async (client) => client.send(1, 0, await synStream(client, 1))],
  ])("%s", async (_name, misbehave) => {
    const { client, server, opened } = await pair();
    const near = await client.open({ a: "b" });
    await misbehave(client);
    expect(await client.goneAway()).toBe(1);
    await client.closed;
    expect(server.gone.aborted).toBe(true);
    expect(opened.get(near.id)!.destroyed).toBe(true);
  });

  test("a header block that grows without end", async () => {
    const { client, server } = await pair();
    const bomb = await client.compressBytes(Buffer.alloc(5_000_000));
    client.send(1, 0, Buffer.concat([id(1), Buffer.alloc(6), bomb]));
    expect(await client.goneAway()).toBe(1);
    expect(server.gone.aborted).toBe(true);
  });

  test("whatever bytes come: the server stays, and ends the connection with the client", async () => {
    const garbage = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        fc
          .tuple(fc.nat(12), fc.nat(3), fc.uint8Array({ maxLength: 40 }))
          .map(([type, flags, payload]) =>
            Buffer.concat([Buffer.from([0x80, 3, 0, type, flags, 0, 0, payload.length]), payload]),
          ),
      ),
    );
    await fc.assert(
      fc.asyncProperty(garbage, async (chunks) => {
        const { client, server } = await pair();
        for (const chunk of chunks) client.transport.write(chunk);
        client.transport.end();
        await client.closed;
        await until(() => server.gone.aborted);
      }),
      { numRuns: 200 },
    );
  });

  async function synStream(client: SpdyClient, streamId: number): Promise<Buffer> {
    return Buffer.concat([id(streamId), Buffer.alloc(6), await client.compress({})]);
  }
});
