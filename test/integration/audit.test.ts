/** The audit log: who asked the API for what, when it began and ended, and nothing of what was in it. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { systemClock } from "../../src/base/clock.ts";
import type { Logger } from "../../src/base/logger.ts";
import { openAuditLog } from "../../src/daemon/audit-file.ts";
import { startNode } from "../../src/daemon/start-node.ts";
import type { AuditSink } from "../../src/server/kube/audit/audit-trail.ts";
import { startTestApi, type TestApi } from "../fixtures/api-server.ts";

interface AuditLine {
  readonly auditID: string;
  readonly stage: string;
  readonly verb: string;
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly responseStatus?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

let lines: AuditLine[];
let text: string;
let api: TestApi;

beforeEach(async () => {
  lines = [];
  text = "";
  const audit: AuditSink = {
    write: (line) => {
      text += line;
      lines.push(JSON.parse(line) as AuditLine);
    },
    counts: { written: 0, lost: 0 },
  };
  api = await startTestApi({ audit });
});
afterEach(async () => api[Symbol.asyncDispose]());

const SECRETS = "/api/v1/namespaces/default/secrets";
const stages = (): string[] =>
  lines.map(({ stage, verb, responseStatus }) => `${stage} ${verb} ${String(responseStatus?.["code"])}`);

test("what is written and what is refused, with its id, and no word of a secret", async () => {
  const secret = { metadata: { name: "s" }, stringData: { password: "hunter2" } };
  const made = await api.call(SECRETS, { method: "POST", body: secret, userAgent: "curl/8" });
  expect(made.code).toBe(201);
  expect(lines[0]).toMatchObject({
    auditID: made.headers["audit-id"],
    stage: "ResponseComplete",
    verb: "create",
    requestURI: SECRETS,
    user: { username: "system:admin", groups: ["system:masters", "system:authenticated"] },
    userAgent: "curl/8",
    objectRef: { resource: "secrets", namespace: "default", name: "s", apiVersion: "v1" },
    responseStatus: { metadata: {}, code: 201 },
    annotations: { "authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "" },
  });
  const patch = { type: "application/merge-patch+json", body: { data: { password: 7, more: "hunter2!" } } };
  expect((await api.call(`${SECRETS}/s`, { method: "PATCH", ...patch })).code).toBe(422);
  const named = await api.call("/api/v1/nodes", { headers: { "impersonate-user": "jane", "audit-id": "mine" } });
  expect(named.headers["audit-id"]).toBe("mine");
  expect(lines[2]).toMatchObject({
    auditID: "mine",
    user: { username: "system:admin" },
    impersonatedUser: { username: "jane", groups: ["system:authenticated"] },
    responseStatus: { status: "Failure", reason: "Forbidden", code: 403 },
    annotations: { "authorization.k8s.io/decision": "forbid" },
  });
  expect(stages()).toEqual(["ResponseComplete create 201", "ResponseComplete patch 422", "ResponseComplete list 403"]);
  expect(text).not.toMatch(/hunter2|aHVudGVyMg/);
});

test("a watch is told when it begins and when it ends", async () => {
  const watch = await api.open("/api/v1/pods?watch=true");
  expect(stages()).toEqual(["ResponseStarted watch 200"]);
  watch.destroy();
  await expect.poll(stages).toEqual(["ResponseStarted watch 200", "ResponseComplete watch 200"]);
  expect(lines[1]!.auditID).toBe(lines[0]!.auditID);
});

test("so is a session in a container", async () => {
  const pod = { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "i" }] } };
  await api.call("/api/v1/namespaces/default/pods", { method: "POST", body: pod });
  api.containers.set("p/c", { containerId: "1", sandboxId: "s", running: true, logPath: "", tty: false, stdin: true });
  lines.length = 0;
  const socket = api.webSocket("/api/v1/namespaces/default/pods/p/exec?command=id&stdout=1", ["v5.channel.k8s.io"]);
  await once(socket, "open");
  await expect.poll(() => api.processes.length).toBe(1);
  expect(stages()).toEqual(["ResponseStarted get 101"]);
  expect(lines[0]!.objectRef).toMatchObject({ resource: "pods", subresource: "exec", name: "p" });
  api.processes[0]!.exit(0);
  await once(socket, "close");
  await expect.poll(stages).toEqual(["ResponseStarted get 101", "ResponseComplete get 101"]);
});

test("a full disk loses lines, which is counted and told once, and the API goes on", async () => {
  const told: string[] = [];
  const note = (_fields: unknown, message: string): void => void told.push(message);
  const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log };
  using audit = openAuditLog("/dev/full", { clock: systemClock, log });
  await using full = await startTestApi({ audit });
  for (let i = 0; i < 3; i++) expect((await full.call("/version")).code).toBe(200);
  expect(audit.counts).toEqual({ written: 0, lost: 3 });
  expect(told).toEqual(["The audit log can not be written; lines are lost"]);
});

test("without one no answer has an id; a node whose log can not be written does not start", async () => {
  await using plain = await startTestApi();
  expect((await plain.call("/version")).headers).not.toHaveProperty("audit-id");
  const folder = mkdtempSync(join(tmpdir(), "minke-audit-"));
  try {
    const places = { instance: "audit-test", root: join(folder, "root"), state: join(folder, "state") };
    const auditLog = join(folder, "none", "audit.log");
    await expect(startNode({ ...places, auditLog })).rejects.toThrow(
      /^Cannot write the audit log .*: ENOENT.*; name a file in a folder that is there with --audit-log$/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
