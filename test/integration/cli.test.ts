/** The command line against the API server over a memory store: what is printed where, and exit codes. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { Pod } from "../../src/api/gen/types.ts";
import { type Client, clientFor } from "../../src/sdk/index.ts";
import { startTestApi, type TestApi } from "../fixtures/api-server.ts";

const BIN = resolve(import.meta.dirname, "../../bin/minke");

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let api: TestApi;
let client: Client;
let scratch: string;

beforeAll(async () => {
  api = await startTestApi();
  client = clientFor({ socket: api.socket });
  scratch = mkdtempSync(join(tmpdir(), "minke-cli-"));
});
afterAll(async () => {
  client[Symbol.dispose]();
  rmSync(scratch, { recursive: true, force: true });
  await api[Symbol.asyncDispose]();
});
afterEach(async () => {
  for (const { metadata } of (await client.pods("default").list()).items) {
    await client.pods("default").delete(metadata.name!, { gracePeriodSeconds: 0 });
  }
});

function start(args: readonly string[]): ChildProcess {
  return spawn(BIN, ["--state", api.directory, ...args], { stdio: ["pipe", "pipe", "pipe"] });
}

async function minke(args: readonly string[], input = ""): Promise<Result> {
  const child = start(args);
  child.stdin!.on("error", () => {}).end(input);
  return await resultOf(child);
}

async function resultOf(child: ChildProcess): Promise<Result> {
  let [stdout, stderr] = ["", ""];
  child.stdout!.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((done) => child.once("close", done));
  return { code, stdout, stderr };
}

/** Resolves with the standard output so far once it holds `text`. */
async function until(child: ChildProcess, text: string): Promise<string> {
  let seen = "";
  for await (const chunk of child.stdout!.iterator({ destroyOnReturn: false })) {
    seen += String(chunk);
    if (seen.includes(text)) break;
  }
  return seen;
}

function manifest(name: string, labels: Readonly<Record<string, string>> = {}): string {
  const metadata = { name, labels };
  return JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [{ name: "c", image: "a" }] } });
}

/** What the engine would write. */
async function setStatus(name: string, status: Pod["status"]): Promise<void> {
  await client.http.json("PATCH", `/api/v1/namespaces/default/pods/${name}/status`, {
    body: { status },
    contentType: "application/merge-patch+json",
  });
}

describe("usage", () => {
  test("help and the client's version need no node", async () => {
    expect(await minke([])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("minke play pod.yaml") as string,
    });
    const help = await minke(["get", "--help"]);
    expect(help.stdout.indexOf("EXAMPLES")).toBeLessThan(help.stdout.indexOf("USAGE"));
    expect(await minke(["version", "--client"])).toMatchObject({ code: 0, stderr: "" });
  });

  test.each([
    [["gte", "pods"], /unknown command "gte"; did you mean "get"/],
    [["get", "podz"], /doesn't have a resource type "podz"\nDid you mean "pods"/],
    [["get", "pods", "--sort"], /unknown flag: --sort; did you mean --sort-by/],
    [["get", "pods", "-o", "xml"], /output format "xml"/],
    [["logs", "web", "--since", "5"], /"5" is not a duration/],
    [["image", "imprt"], /unknown command "image imprt"; did you mean "import"/],
    [["exec", "web", "ls"], /the command must stand behind --/],
    [["delete", "pods"], /no name was specified/],
    [["apply"], /no file was given/],
  ])("%j is wrong usage", async (args, message) => {
    expect(await minke(args)).toMatchObject({ code: 2, stdout: "", stderr: expect.stringMatching(message) as string });
  });

  test("no node: which socket, and what to do", async () => {
    const { code, stderr } = await minke(["get", "pods", "--state", join(scratch, "none")]);
    expect(code).toBe(1);
    expect(stderr).toContain(join(scratch, "none/api.sock"));
    expect(stderr).toContain("minke serve");
  });
});

describe("apply, get, delete", () => {
  test("create, change, leave alone", async () => {
    expect(await minke(["apply", "-f", "-"], manifest("web"))).toMatchObject({ code: 0, stdout: "pod/web created\n" });
    expect(await minke(["apply", "-f", "-"], manifest("web"))).toMatchObject({ stdout: "pod/web unchanged\n" });
    expect(await minke(["apply", "-f", "-"], manifest("web", { a: "b" }))).toMatchObject({
      stdout: "pod/web configured\n",
    });
    expect((await minke(["get", "pods", "--show-labels", "--no-headers"])).stdout).toMatch(/^web {3,}0\/1 .* a=b\n$/);
    // What the last apply had and this one has not goes.
    await minke(["apply", "-f", "-"], manifest("web"));
    expect((await minke(["get", "pod/web", "-o", "jsonpath={.metadata.labels.a}"])).stdout).toBe("");
  });

  test("errors say where; the rest is applied", async () => {
    writeFileSync(join(scratch, "two.yaml"), `${manifest("Bad_Name")}\n---\n${manifest("good")}\n`);
    const { code, stdout, stderr } = await minke(["apply", "-f", join(scratch, "two.yaml")]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "pod/good created\n" });
    expect(stderr).toMatch(/^The Pod "[^"]*" is invalid: metadata\.name: /);
    expect((await minke(["apply", "-f", "-"], "a: [")).stderr).toMatch(/standard input:\d+:\d+/);
  });

  test("formats", async () => {
    await minke(["apply", "-f", "-"], manifest("web"));
    expect((await minke(["get", "po", "-o", "name"])).stdout).toBe("pod/web\n");
    expect((await minke(["get", "po/web", "-ojson"])).stdout).toContain('\n    "kind": "Pod",\n');
    expect((await minke(["get", "po", "web", "-o", "yaml"])).stdout).toMatch(/^apiVersion: v1\nkind: Pod\n/);
    expect((await minke(["get", "pods", "-o", "json"])).stdout).toContain('"kind": "List"');
    expect((await minke(["-A", "get", "pods"])).stdout).toMatch(
      /^NAMESPACE +NAME +READY +STATUS +RESTARTS +AGE\ndefault +web +/,
    );
    expect((await minke(["-nother", "get", "pods"])).stderr).toBe("No resources found in other namespace.\n");
  });

  test("what does not exist", async () => {
    expect(await minke(["get", "pod", "no"])).toEqual({
      code: 1,
      stdout: "",
      stderr: 'Error from server (NotFound): pods "no" not found\n',
    });
    expect((await minke(["delete", "pod", "no", "--ignore-not-found"])).code).toBe(0);
  });

  test("get -w prints changes; delete waits", async () => {
    await minke(["apply", "-f", "-"], manifest("web"));
    const watch = start(["get", "pods", "-w"]);
    await until(watch, "web");
    expect(await minke(["delete", "pod", "web", "--force"])).toMatchObject({
      code: 0,
      stdout: 'pod "web" force deleted\n',
    });
    await minke(["apply", "-f", "-"], manifest("next"));
    expect(await until(watch, "next")).not.toContain("NAME");
    watch.kill();
  });

  test("a reader that has enough is no error", async () => {
    await minke(["apply", "-f", "-"], manifest("web"));
    const child = start(["get", "pods", "-o", "yaml"]);
    child.stdout!.destroy();
    const code = await new Promise((done) => child.once("close", done));
    expect(code).toBe(0);
  });
});

describe("wait", () => {
  test("sees what comes, and gives up in time", async () => {
    await minke(["apply", "-f", "-"], manifest("web"));
    const waiting = minke(["wait", "pod/web", "--for=jsonpath={.status.phase}=Running"]);
    await setStatus("web", { phase: "Running" });
    expect(await waiting).toMatchObject({ code: 0, stdout: "pod/web condition met\n" });
    expect(await minke(["wait", "pod/web", "--for=condition=Ready", "--timeout=50ms"])).toMatchObject({
      code: 1,
      stderr: "error: timed out waiting for the condition on pods/web\n",
    });
    expect((await minke(["wait", "pod/none", "--for=condition=Ready"])).stderr).toContain("NotFound");
  });
});

describe("sessions", () => {
  async function running(name: string): Promise<void> {
    await minke(["apply", "-f", "-"], manifest(name));
    await setStatus(name, { phase: "Running" });
    api.containers.set(`${name}/c`, {
      containerId: "1",
      sandboxId: "sandbox-1",
      running: true,
      logPath: "",
      tty: false,
      stdin: false,
    });
  }

  test("exec: both outputs, standard input to its end, the exit code", async () => {
    await running("web");
    const before = api.processes.length;
    const done = minke(["exec", "-i", "web", "--", "sh", "-c", "x"], "input");
    await expect.poll(() => api.processes.length).toBe(before + 1);
    const process = api.processes.at(-1)!;
    expect(process.request?.command).toEqual(["sh", "-c", "x"]);
    let input = "";
    for await (const chunk of process.stdin) input += String(chunk);
    expect(input).toBe("input");
    process.stdout.write("out");
    process.stderr.write("err");
    process.exit(7);
    expect(await done).toMatchObject({ code: 7, stdout: "out", stderr: "errcommand terminated with exit code 7\n" });
  });

  test("exec of what can not run", async () => {
    await running("web");
    expect(await minke(["exec", "web", "--", "/missing"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("no such program") as string,
    });
  });

  test("port-forward: kubectl's lines, and bytes both ways", async () => {
    await running("web");
    const child = start(["port-forward", "web", ":80"]);
    const line = await until(child, "-> 80");
    const port = Number(/^Forwarding from 127\.0\.0\.1:(\d+) -> 80$/m.exec(line)![1]);
    const before = api.processes.length;
    const socket = connect(port, "127.0.0.1");
    socket.write("ping");
    await expect.poll(() => api.processes.length).toBe(before + 1);
    const process = api.processes.at(-1)!;
    const [got] = (await process.stdin.iterator({ destroyOnReturn: false }).next()).value ? ["ping"] : [""];
    expect(got).toBe("ping");
    process.stdout.end("pong");
    let answer = "";
    for await (const chunk of socket) answer += String(chunk);
    expect(answer).toBe("pong");
    child.kill();
  });
});

describe("play", () => {
  test("the exit code of the container that failed; what it made is gone", async () => {
    const playing = minke(["play", "-"], manifest("job"));
    await client.pods("default").wait("job", (pod) => pod !== undefined, { timeoutMs: 20_000 });
    const terminated = { exitCode: 3, reason: "Error" };
    const ended = { name: "c", image: "a", imageID: "", ready: false, restartCount: 0, state: { terminated } };
    await setStatus("job", { phase: "Failed", containerStatuses: [ended] });
    const { code, stderr } = await playing;
    expect(code).toBe(3);
    expect(stderr).toContain("job: Failed: container c ended with exit code 3 (Error)");
    expect(await client.pods("default").find("job")).toBeUndefined();
  });

  test("a Pod of that name: says so, and touches nothing", async () => {
    await minke(["apply", "-f", "-"], manifest("web"));
    const { uid } = (await client.pods("default").get("web")).metadata;
    const { code, stderr } = await minke(["play", "-"], manifest("web"));
    expect({ code, hint: stderr.includes("--replace") }).toEqual({ code: 1, hint: true });
    expect((await client.pods("default").get("web")).metadata.uid).toBe(uid);
  });

  test("SIGTERM removes all that it made", async () => {
    const map = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "conf" }, data: { a: "b" } });
    writeFileSync(join(scratch, "play.yaml"), `${manifest("long")}\n---\n${map}\n`);
    const child = start(["play", join(scratch, "play.yaml")]);
    const done = resultOf(child);
    await client.pods("default").wait("long", (pod) => pod !== undefined, { timeoutMs: 20_000 });
    expect(await client.configMaps("default").find("conf")).toBeDefined();
    child.kill("SIGTERM");
    // No engine is here that would end the Pod: the second signal is what removes it.
    await client
      .pods("default")
      .wait("long", (pod) => pod?.metadata.deletionTimestamp !== undefined || pod === undefined);
    child.kill("SIGTERM");
    expect(await done).toMatchObject({ code: 143 });
    expect(await client.pods("default").find("long")).toBeUndefined();
    expect(await client.configMaps("default").find("conf")).toBeUndefined();
  });
});

test("completion offers verbs, flags, types and names", async () => {
  await minke(["apply", "-f", "-"], manifest("web"));
  const offered = async (...words: string[]): Promise<string[]> =>
    (await minke(["__complete", "--", "--state", api.directory, ...words])).stdout.trim().split("\n");
  expect(await offered("des")).toEqual(["describe"]);
  expect(await offered("get", "po")).toEqual(["pods", "podtemplates"]);
  expect(await offered("get", "pods", "")).toEqual(["web"]);
  expect(await offered("get", "pods/")).toEqual(["pods/web"]);
  expect(await offered("exec", "w")).toEqual(["web"]);
  expect(await offered("logs", "web", "-c", "")).toEqual(["c"]);
  expect(await offered("image", "rm", "")).toEqual(["localhost/a:latest"]);
  expect(await offered("get", "--sh")).toEqual(["--show-labels", "--show-kind"]);
  expect(await offered("play", "")).toEqual(["__files__"]);
});

test.each(["bash", "zsh", "fish"])("the completion script of %s asks the command", async (shell) => {
  const { code, stdout } = await minke(["completion", shell]);
  expect({ code, asks: stdout.includes("minke __complete") }).toEqual({ code: 0, asks: true });
});
