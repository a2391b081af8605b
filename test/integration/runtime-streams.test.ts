/** exec, attach and port-forward against the real kernel. */
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Container, ExecRequest, Sandbox, StreamSession } from "../../src/runtime/runtime.ts";
import {
  collect,
  containerConfig,
  ended,
  eventually,
  logText,
  sandboxConfig,
  script,
  testRuntime,
  type TestRuntime,
} from "../fixtures/runtime.ts";

let t: TestRuntime;
let sandbox: Sandbox;
let sleeper: Container;

beforeAll(async () => {
  t = await testRuntime();
  sandbox = await t.runtime.runSandbox(sandboxConfig(t.base));
  const config = containerConfig(["sleep", "1000"], { env: [["COLOUR", "blue"]] });
  sleeper = await t.runtime.runContainer(sandbox.id, {
    ...config,
    security: { ...config.security, runAsUser: 1000, dropCapabilities: ["ALL"] },
  });
});
afterAll(async () => await t[Symbol.asyncDispose]());

const exec = async (command: ExecRequest["command"], more: Partial<ExecRequest> = {}): Promise<StreamSession> =>
  await t.runtime.exec(sleeper.id, { command, tty: false, stdin: false, ...more });

/** The text that has come so far. */
function reader(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

describe("exec", () => {
  test("keeps streams, bytes and exit code apart", async () => {
    expect(await collect(await exec(["sh", "-c", "echo -n out; echo -n err >&2; exit 42"]))).toEqual({
      code: 42,
      stdout: "out",
      stderr: "err",
    });
  });

  test("runs as the container's process does", async () => {
    const { stdout } = await collect(await exec(["sh", "-c", "id -u; echo $COLOUR; grep CapEff /proc/self/status"]));
    expect(stdout).toBe("1000\nblue\nCapEff:\t0000000000000000\n");
  });

  test("passes standard input and its end", async () => {
    const session = await exec(["sha256sum"], { stdin: true });
    const bytes = randomBytes(3 * 1024 * 1024);
    session.stdin!.end(bytes);
    const { stdout } = await collect(session);
    expect(stdout.split(" ")[0]).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  test("without standard input the process reads its end at once", async () => {
    expect((await collect(await exec(["cat"]))).code).toBe(0);
  });

  test.each([
    ["no-such-program", 127, /not found/],
    ["/etc/passwd", 126, /Permission denied|not executable/],
  ])("of %s ends with %i and says why", async (program, code, why) => {
    const plain = await collect(await exec([program]));
    expect(plain).toMatchObject({ code, stdout: "", stderr: expect.stringMatching(why) });
    const terminal = await collect(await exec([program], { tty: true }));
    expect(terminal).toMatchObject({ code, stdout: expect.stringMatching(why) });
  });

  test("that is aborted leaves nothing of its tree, and the container alone", async () => {
    const abort = new AbortController();
    const session = await exec(["sh", "-c", "sleep 4321 & sleep 4321"], { signal: abort.signal });
    session.stdout.on("data", () => {});
    await eventually(async () => ((await sleepers()) === 2 ? true : undefined));
    abort.abort();
    expect(await session.exited).toBe(137);
    await eventually(async () => ((await sleepers()) === 0 ? true : undefined));
    expect((await t.runtime.container(sleeper.id))?.state.phase).toBe("running");
  });

  test("that was closed is gone from the container when it has exited, not killed and still to be reaped", async () => {
    const pids = async (): Promise<string> => (await collect(await exec(["pidof", "sleep"]))).stdout;
    const before = await pids();
    for (let i = 0; i < 5; i++) {
      const session = await exec(["sleep", "4321"]);
      session.stdout.on("data", () => {});
      await eventually(async () => ((await sleepers()) === 1 ? true : undefined));
      session.close();
      expect(await session.exited).toBe(137);
      expect(await pids()).toBe(before);
    }
  });

  test("has a terminal of the size that was set", async () => {
    const session = await exec(["sh"], { tty: true, stdin: true });
    const text = reader(session.stdout);
    session.stdin!.write("echo ready-$((1+1))\n");
    await eventually(() => text().includes("ready-2") || undefined);
    session.resize(123, 45);
    await eventually(() => {
      session.stdin!.write("stty size\n");
      return text().includes("45 123") || undefined;
    });
    session.stdin!.write("exit 9\n");
    expect(await session.exited).toBe(9);
    expect(session.stderr).toBeUndefined();
  });

  test("has a terminal of the size that was told before there was a terminal", async () => {
    for (let i = 0; i < 5; i++) {
      const session = await exec(["sh", "-c", `until [ "$(stty size)" = "45 123" ]; do sleep 0.01; done`], {
        tty: true,
      });
      session.stdout.on("data", () => {});
      session.resize(80, 24);
      session.resize(123, 45);
      expect(await session.exited).toBe(0);
    }
  });

  test("with a terminal ends while standard input is open, and can be closed", async () => {
    const hello = await collect(await exec(["echo", "hello"], { tty: true, stdin: true }));
    expect(hello).toMatchObject({ code: 0, stdout: "hello\r\n" });
    const session = await exec(["sleep", "4321"], { tty: true, stdin: true });
    session.stdout.on("data", () => {});
    await eventually(async () => ((await sleepers()) === 1 ? true : undefined));
    session.close();
    await session.exited.catch(() => {});
    await eventually(async () => ((await sleepers()) === 0 ? true : undefined));
  });

  test("leaves no file behind, and needs a running container", async () => {
    const bundle = join(t.instance.state, "containers", sleeper.id);
    expect(readdirSync(bundle).filter((name) => name.startsWith("exec"))).toEqual([]);
    const { id } = await t.runtime.createContainer(
      sandbox.id,
      script("true", { metadata: { name: "idle", attempt: 0 } }),
    );
    await expect(t.runtime.exec(id, { command: ["true"], tty: false, stdin: false })).rejects.toMatchObject({
      code: "FailedPrecondition",
    });
    await t.runtime.removeContainer(id);
  });

  async function sleepers(): Promise<number> {
    const { stdout } = await collect(await exec(["sh", "-c", "ps -o args | grep -c '^[s]leep 4321'"]));
    return Number(stdout);
  }
});

describe("attach", () => {
  const start = async (name: string, text: string, more: Parameters<typeof script>[1] = {}): Promise<Container> =>
    await t.runtime.runContainer(
      sandbox.id,
      script(text, { metadata: { name, attempt: 0 }, logPath: `${name}.log`, stdin: true, ...more }),
    );

  test("joins all streams, and with stdinOnce the end of input ends the container's", async () => {
    const container = await start("once", "cat; echo done >&2; exit 4", { stdinOnce: true });
    const session = await t.runtime.attach(container.id);
    session.stdin!.write("one\ntwo\n");
    session.stdin!.end();
    expect(await collect(session)).toEqual({ code: 0, stdout: "one\ntwo\n", stderr: "done\n" });
    expect((await ended(t.runtime, container.id)).state).toMatchObject({ exitCode: 4 });
    expect(await logText(container)).toBe("one\ntwo\ndone\n");
  });

  test("detaches and comes again, and carries much", async () => {
    const container = await start("again", "cat");
    const first = await t.runtime.attach(container.id);
    const text = reader(first.stdout);
    first.stdin!.write("hello\n");
    await eventually(() => text() === "hello\n" || undefined);
    first.close();
    await first.exited.catch(() => {});
    const second = await t.runtime.attach(container.id);
    let bytes = 0;
    second.stdout.on("data", (chunk: Buffer) => (bytes += chunk.length));
    const line = `${"x".repeat(99)}\n`;
    second.stdin!.write(line.repeat(20_000));
    await eventually(() => bytes === 2_000_000 || undefined);
    second.close();
    await t.runtime.removeContainer(container.id);
  });

  test("has a terminal when the container has one", async () => {
    const container = await start("tty", "exec sh", { tty: true });
    const session = await t.runtime.attach(container.id);
    const text = reader(session.stdout);
    session.resize(99, 33);
    await eventually(() => {
      session.stdin!.write("stty size\n");
      return text().includes("33 99") || undefined;
    });
    expect(session.stderr).toBeUndefined();
    session.stdin!.write("exit 3\n");
    expect((await ended(t.runtime, container.id)).state).toMatchObject({ exitCode: 3 });
    expect(await session.exited).toBe(0);
  });
});

describe("port-forward", () => {
  test("reaches a port of the sandbox on localhost", async () => {
    const text = "while :; do echo -n served | nc -l -p 8080; done";
    const { id } = await t.runtime.runContainer(sandbox.id, script(text, { metadata: { name: "web", attempt: 0 } }));
    const session = await eventually(async () => await t.runtime.portForward(sandbox.id, 8080).catch(() => undefined));
    session.stdin!.end("hello");
    expect((await collect(session)).stdout).toBe("served");
    await t.runtime.removeContainer(id);
  });

  test("says that nothing listens", async () => {
    await expect(t.runtime.portForward(sandbox.id, 81)).rejects.toMatchObject({
      code: "Unavailable",
      message: expect.stringContaining("Connection refused"),
    });
    await expect(t.runtime.portForward("unknown", 81)).rejects.toMatchObject({ code: "NotFound" });
  });
});

test("a long path of the state folder is no hindrance", () => {
  expect(existsSync(join(t.instance.state, "containers", sleeper.id, "attach"))).toBe(true);
  expect(join(t.instance.state, "containers", sleeper.id, "attach").length).toBeGreaterThan(107);
});
