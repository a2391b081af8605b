import { describe, expect, test } from "vitest";

import type { KubeObject } from "../api/object.ts";
import { httpOver } from "./http.ts";
import type { Transport, TransportRequest } from "./transport.ts";
import { waitForObject } from "./wait.ts";
import { watchCollection } from "./watch.ts";

function object(name: string, resourceVersion: string, uid = name): KubeObject {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, resourceVersion, uid } };
}

function line(type: string, value: unknown): string {
  return `${JSON.stringify({ type, object: value })}\n`;
}

function list(resourceVersion: string, ...items: readonly KubeObject[]): string {
  return JSON.stringify({ items, metadata: { resourceVersion } });
}

/** Answers one body after the other, and notes what was asked. The last request waits until it is aborted. */
function scripted(...bodies: readonly string[]): { readonly transport: Transport; readonly asked: string[] } {
  const asked: string[] = [];
  const left = [...bodies];
  const answer = async ({ path, signal }: TransportRequest) => {
    signal?.throwIfAborted();
    asked.push(path);
    const body = left.shift();
    async function* bytes(): AsyncGenerator<Uint8Array> {
      if (body !== undefined) yield new TextEncoder().encode(body);
      else await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
    }
    return { status: 200, header: () => undefined, warnings: [], body: bytes() };
  };
  const transport = {
    target: "test",
    request: answer,
    socket: () => Promise.reject(new Error("none")),
    [Symbol.dispose]() {},
  };
  return { transport, asked };
}

async function take(bodies: readonly string[], count: number): Promise<{ seen: string[]; asked: string[] }> {
  const { transport, asked } = scripted(...bodies);
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const { type, object: one } of watchCollection(httpOver(transport), "/pods", { signal: stop.signal })) {
    seen.push(`${type} ${one.metadata.name}@${one.metadata.resourceVersion}`);
    if (seen.length === count) stop.abort();
  }
  return { seen, asked };
}

describe("watchCollection()", () => {
  test("tells what is there, then what changes, and resumes where a connection ended", async () => {
    const { seen, asked } = await take(
      [
        list("5", object("a", "3")),
        line("MODIFIED", object("a", "6")) + line("BOOKMARK", object("", "8")),
        // Cut off inside a line.
        line("ADDED", object("b", "9")) + '{"type":"ADD',
        line("DELETED", object("a", "10")),
      ],
      4,
    );
    expect(seen).toEqual(["ADDED a@3", "MODIFIED a@6", "ADDED b@9", "DELETED a@10"]);
    const versions = asked.map((path) => /resourceVersion=(\d+)/.exec(path)?.[1]);
    expect(versions).toEqual([undefined, "5", "8", "9"]);
  });

  test("lists anew when its version has expired, and tells only the differences", async () => {
    const expired = { kind: "Status", status: "Failure", reason: "Expired", code: 410, message: "too old" };
    const { seen } = await take(
      [
        list("5", object("same", "1"), object("changed", "2"), object("gone", "3"), object("again", "4", "old")),
        line("ERROR", expired),
        list("20", object("same", "1"), object("changed", "12"), object("again", "13", "new"), object("fresh", "14")),
      ],
      9,
    );
    expect(seen.slice(4)).toEqual([
      "MODIFIED changed@12",
      "DELETED again@4",
      "ADDED again@13",
      "ADDED fresh@14",
      "DELETED gone@3",
    ]);
  });
});

describe("waitForObject()", () => {
  const target = { path: "/pods", name: "a" };

  test("sees a state that was there before it asked", async () => {
    const { transport } = scripted(list("5", object("a", "3")));
    expect(await waitForObject(httpOver(transport), target, (one) => one !== undefined)).toEqual(object("a", "3"));
  });

  test("watches from the list's version", async () => {
    const { transport, asked } = scripted(list("5", object("a", "3")), line("DELETED", object("a", "6")));
    expect(await waitForObject(httpOver(transport), target, (one) => one === undefined)).toBeUndefined();
    expect(asked[1]).toContain("resourceVersion=5");
  });

  test("gives up in time", async () => {
    const { transport } = scripted(list("5"));
    const waiting = waitForObject(httpOver(transport), target, (one) => one !== undefined, { timeoutMs: 1 });
    await expect(waiting).rejects.toMatchObject({ code: "DeadlineExceeded", reason: "Timeout" });
  });
});
