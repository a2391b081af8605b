/** Whatever a client sends: never a 500, never a crash, never a connection that hangs. */
import { once } from "node:events";
import { createConnection } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { startTestApi } from "../fixtures/api-server.ts";
import type { TestApi } from "../fixtures/api-server.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  api.containers.set("exec/c", { id: "id", state: "running" } as never);
});
afterAll(() => api[Symbol.asyncDispose]());

const NAMESPACED = "/api/v1/namespaces/default";
/** How long a connection may stay open after garbage, in milliseconds. */
const HANG_MS = 5_000;

const POD = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "p",
    labels: { a: "b" },
    finalizers: ["a/b"],
    ownerReferences: [{ uid: "u", kind: "k", name: "n", apiVersion: "v1" }],
  },
  spec: {
    containers: [
      {
        name: "c",
        image: "i",
        env: [{ name: "A", value: "1" }],
        ports: [{ containerPort: 80 }],
        resources: { limits: { cpu: "1" } },
      },
    ],
    volumes: [{ name: "v", emptyDir: { sizeLimit: "1Gi" } }],
    tolerations: [{ key: "k", operator: "Exists" }],
    securityContext: { runAsUser: 1, sysctls: [{ name: "a", value: "b" }] },
  },
  status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
};
const CONFIG = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "p" },
  data: { k: "v" },
  binaryData: { b: "eA==" },
};

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    "",
    0,
    -1,
    1.5,
    1e300,
    [],
    {},
    [null],
    [[]],
    "\u0000",
    "__proto__",
    "../..",
    "$patch",
    true,
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const directive = fc.constantFrom(
  "$patch",
  "$retainKeys",
  "$setElementOrder/containers",
  "$deleteFromPrimitiveList/finalizers",
);

/** The value with some of what is in it changed, added or taken away. */
function mutated(value: unknown): fc.Arbitrary<unknown> {
  const kept = { weight: 12, arbitrary: insides(value) };
  return fc.oneof(kept, { weight: 1, arbitrary: odd });
}

function insides(value: unknown): fc.Arbitrary<unknown> {
  if (Array.isArray(value)) {
    const items = fc.tuple(...value.map(mutated));
    return fc.tuple(items, fc.array(odd, { maxLength: 1 })).map(([all, more]) => [...all, ...more]);
  }
  if (typeof value !== "object" || value === null) return fc.constant(value);
  const fields = fc.record(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mutated(item)])), {
    requiredKeys: [],
  });
  const extra = fc.dictionary(fc.oneof(directive, fc.string({ maxLength: 4 })), odd, { maxKeys: 1 });
  return fc.tuple(fields, extra).map(([all, more]) => ({ ...all, ...more }));
}

const pointer = fc.constantFrom(
  "",
  "/",
  "/metadata",
  "/metadata/labels/a",
  "/spec/containers/0",
  "/spec/containers/-",
  "/spec/x/y",
  "/__proto__/a",
  "a",
  "/metadata/managedFields",
);
const operation = fc.record(
  {
    op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test", "x"),
    path: pointer,
    from: pointer,
    value: odd,
  },
  { requiredKeys: ["op"] },
);
const query = fc.constantFrom(
  "",
  "fieldValidation=Strict",
  "dryRun=All",
  "fieldManager=m",
  "fieldManager=m&force=1",
  "pretty=1",
  "dryRun=x",
  "limit=x",
);

const request = fc
  .constantFrom({ plural: "pods", sample: POD }, { plural: "configmaps", sample: CONFIG })
  .chain(({ plural, sample }) =>
    fc.oneof(
      fc.record({
        method: fc.constant("POST"),
        path: fc.constant(plural),
        query,
        type: fc.constant("application/json"),
        body: mutated(sample),
      }),
      fc.record({
        method: fc.constantFrom("PUT", "DELETE"),
        path: fc.constantFrom(`${plural}/p`, `${plural}/p/status`),
        query,
        type: fc.constant("application/json"),
        body: mutated(sample),
      }),
      fc.record({
        method: fc.constant("PATCH"),
        path: fc.constantFrom(`${plural}/p`, `${plural}/p/status`),
        query,
        type: fc.constantFrom(
          "application/merge-patch+json",
          "application/strategic-merge-patch+json",
          "application/apply-patch+yaml",
        ),
        body: mutated(sample),
      }),
      fc.record({
        method: fc.constant("PATCH"),
        path: fc.constant(`${plural}/p`),
        query,
        type: fc.constant("application/json-patch+json"),
        body: fc.array(operation, { maxLength: 3 }),
      }),
      fc.record({
        method: fc.constantFrom("POST", "PATCH", "PUT"),
        path: fc.constant(`${plural}/p`),
        query,
        type: fc.constantFrom(
          "application/yaml",
          "application/apply-patch+yaml",
          "text/x",
          "application/vnd.kubernetes.protobuf",
        ),
        body: fc.string({ maxLength: 60 }),
      }),
    ),
  );

test("objects and patches", async () => {
  await api.call(`${NAMESPACED}/pods`, {
    method: "POST",
    body: { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "i" }] } },
  });
  await api.call(`${NAMESPACED}/configmaps`, { method: "POST", body: CONFIG });
  await fc.assert(
    fc.asyncProperty(request, async ({ method, path, query: options, type, body }) => {
      const { code, text } = await api.call(`${NAMESPACED}/${path}?${options}`, { method, type, body });
      expect(code, text).toBeLessThan(500);
      if (code >= 400) expect(JSON.parse(text)).toMatchObject({ kind: "Status", status: "Failure", code });
    }),
    { numRuns: 2_500 },
  );
}, 120_000);

test("queries", async () => {
  const names = fc.constantFrom(
    "labelSelector",
    "fieldSelector",
    "limit",
    "continue",
    "resourceVersion",
    "resourceVersionMatch",
    "timeoutSeconds",
    "gracePeriodSeconds",
    "includeObject",
    "sendInitialEvents",
  );
  const value = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom("a=b,c in (d)", "metadata.name=x", "0", "1", "-1", "Exact", "9".repeat(30), "true"),
  );
  await fc.assert(
    fc.asyncProperty(fc.dictionary(names, value, { maxKeys: 4 }), async (parameters) => {
      const text = new URLSearchParams(Object.entries(parameters)).toString();
      const answer = await api.call(`${NAMESPACED}/pods?${text}`);
      // A version of the future is not waited for; Kubernetes calls that a timeout.
      expect([200, 400, 410, 422, 504], `${text}: ${answer.text}`).toContain(answer.code);
    }),
    { numRuns: 500 },
  );
}, 60_000);

/** Sends bytes and waits for the server to end the connection; our end is closed behind them. */
async function throwAt(bytes: Uint8Array | string): Promise<void> {
  const socket = createConnection(api.socket);
  socket.on("error", () => {});
  socket.resume();
  await once(socket, "connect");
  socket.end(bytes);
  await once(socket, "close", { signal: AbortSignal.timeout(HANG_MS) });
}

describe("bytes that are no request", () => {
  const line = fc
    .tuple(
      fc.constantFrom("GET", "POST", "BREW", "", "get"),
      fc.string({ maxLength: 20 }),
      fc.constantFrom("HTTP/1.1", "HTTP/9", ""),
    )
    .map((parts) => parts.join(" "));
  const header = fc
    .tuple(
      fc.constantFrom("Host", "Content-Length", "Transfer-Encoding", "Upgrade", "Connection", "Sec-WebSocket-Key", "X"),
      fc.string({ maxLength: 20 }),
    )
    .map((parts) => parts.join(": "));
  const almost = fc
    .tuple(line, fc.array(header, { maxLength: 4 }), fc.string({ maxLength: 30 }))
    .map(([first, rest, body]) => [first, ...rest, "", body].join("\r\n"));
  const raw: fc.Arbitrary<string | Uint8Array> = fc.oneof(almost, fc.uint8Array({ maxLength: 200 }));

  test("end in an answer or the end of the connection", async () => {
    await fc.assert(
      fc.asyncProperty(raw, (bytes) => throwAt(bytes)),
      { numRuns: 500 },
    );
    expect((await api.call("/healthz")).text).toBe("ok");
  }, 60_000);

  test("WebSocket frames of nonsense", async () => {
    await api.call(`${NAMESPACED}/pods`, {
      method: "POST",
      body: { metadata: { name: "exec" }, spec: { containers: [{ name: "c", image: "i" }] } },
    });
    const hello = [
      `GET ${NAMESPACED}/pods/exec/exec?command=x&stdin=1&stdout=1 HTTP/1.1`,
      "Host: x",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Protocol: v5.channel.k8s.io",
      "",
      "",
    ].join("\r\n");
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), (frames) =>
        throwAt(Buffer.concat([Buffer.from(hello), frames])),
      ),
      { numRuns: 200 },
    );
    expect((await api.call("/healthz")).text).toBe("ok");
  }, 60_000);
});
