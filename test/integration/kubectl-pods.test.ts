/**
 * The real kubectl at a real node over HTTPS: Pods, their logs, events and metrics, compared with what Kubernetes prints.
 * Each version on the machine walks the core; the oldest and the newest do all. exec, attach, cp and port-forward:
 * kubectl-streams.test.ts.
 */
import { spawn } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { PodSpec } from "../../src/api/gen/types.ts";
import { Kubectl, kubectlEnv, kubectls } from "../fixtures/kubectl.ts";
import { BUSYBOX, startTestNode, type TestNode } from "../fixtures/node.ts";

const PATHS = kubectls();
/** The one on the PATH is the last, and mostly a copy of one beside it. */
const ENDS = new Set([PATHS.at(0), PATHS.findLast((path) => path.includes("kubectl.1.")) ?? PATHS.at(-1)]);
const IMAGE = { image: BUSYBOX, imagePullPolicy: "IfNotPresent" } as const;
const READY = "--for=condition=Ready --timeout=60s";

let node: TestNode;
let kubeconfig: string;
beforeAll(async () => {
  node = await startTestNode();
  kubeconfig = join(node.scratch, "kubeconfig");
  expect(await node.minke(["kubeconfig", "--output", kubeconfig])).toMatchObject({ code: 0 });
});
afterAll(async () => node[Symbol.asyncDispose]());

const pod = (name: string, spec: Omit<PodSpec, "terminationGracePeriodSeconds">, labels = { app: name }): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels },
    spec: { terminationGracePeriodSeconds: 1, ...spec },
  });
const shell = (name: string, script: string): PodSpec["containers"][number] => ({
  ...IMAGE,
  name,
  command: ["sh", "-c", script],
});

describe.each(PATHS)("%s", (path) => {
  let kubectl: Kubectl;
  let namespace: string;
  beforeAll(async () => {
    namespace = basename(path).replaceAll(/\W/g, "-");
    const kubeconfigOfIts = join(node.scratch, namespace);
    writeFileSync(kubeconfigOfIts, readFileSync(kubeconfig), { mode: 0o600 });
    kubectl = new Kubectl(path, kubeconfigOfIts);
    await kubectl.ok(`create namespace ${namespace}`);
    await kubectl.ok(`config set-context --current --namespace=${namespace}`);
    const script = "echo one; echo two; trap 'exit 0' TERM; while :; do sleep 0.1; done";
    const containers = [{ ...shell("c", script), resources: { limits: { memory: "64Mi" } } }];
    expect(await kubectl.ok("apply -f -", pod("web", { containers }))).toBe("pod/web created\n");
    expect(await kubectl.ok(`wait ${READY} pod/web`)).toBe("pod/web condition met\n");
  });
  afterAll(async () => void (await kubectl.ok(`delete namespace ${namespace}`)));

  test("get shows Kubernetes' columns, wide ones too", async () => {
    expect(await kubectl.table("get pods")).toEqual([
      ["NAME", "READY", "STATUS", "RESTARTS", "AGE"],
      ["web", "1/1", "Running", "0", "AGE"],
    ]);
    const address = await kubectl.ok("get pod web -o jsonpath={.status.podIP}");
    const name = await kubectl.ok("get nodes -o jsonpath={.items[0].metadata.name}");
    expect(await kubectl.table("get pods -A -o wide --field-selector=metadata.name=web,status.phase=Running")).toEqual([
      "NAMESPACE,NAME,READY,STATUS,RESTARTS,AGE,IP,NODE,NOMINATED NODE,READINESS GATES".split(","),
      [namespace, "web", "1/1", "Running", "0", "AGE", address, name, "<none>", "<none>"],
    ]);
    expect(await kubectl.ok("get all -o name")).toBe("pod/web\n");
  });

  test("logs: all, the last, those of a label with their prefix, with their time", async () => {
    expect(await kubectl.ok("logs web")).toBe("one\ntwo\n");
    expect(await kubectl.ok("logs web --tail=1")).toBe("two\n");
    expect(await kubectl.ok("logs web -c c --since=1h")).toBe("one\ntwo\n");
    expect(await kubectl.ok("logs -l app=web --prefix")).toBe("[pod/web/c] one\n[pod/web/c] two\n");
    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z`;
    expect(await kubectl.ok("logs web --timestamps")).toMatch(new RegExp(`^${time} one\n${time} two\n$`));
    expect(await kubectl.fails("logs web --previous")).toContain(
      'previous terminated container "c" in pod "web" not found',
    );
    expect(await kubectl.fails("logs web -c nope")).toBe("error: container nope is not valid for pod web\n");
    expect(await kubectl.fails("logs nope")).toContain('(NotFound): pods "nope" not found');
  });

  test("run, wait, get of what has ended, delete and wait for that", async () => {
    const run = ["run", "r1", `--image=${BUSYBOX}`, "--image-pull-policy=IfNotPresent", "--restart=Never", "--"];
    expect(await kubectl.ok([...run, "echo", "hello"])).toBe("pod/r1 created\n");
    expect(await kubectl.ok("wait --for=jsonpath={.status.phase}=Succeeded pod/r1 --timeout=60s")).toBe(
      "pod/r1 condition met\n",
    );
    expect(await kubectl.table("get pod r1 --no-headers")).toEqual([["r1", "0/1", "Completed", "0", "AGE"]]);
    expect(await kubectl.fails("wait --for=delete pod/r1 --timeout=1s")).toBe(
      "error: timed out waiting for the condition on pods/r1\n",
    );
    expect(await kubectl.ok("delete pod r1")).toMatch(/^pod "r1" deleted/);
    await kubectl.ok("wait --for=delete pod/r1 --timeout=1s");
    expect(await kubectl.fails("get pod r1")).toBe('Error from server (NotFound): pods "r1" not found\n');
  });

  test("what may change of a Pod changes, and the rest is refused in Kubernetes' words", async () => {
    const limits = ["patch", "pod", "web", "-p", '{"spec":{"restartPolicy":"Never"}}'];
    expect(await kubectl.fails(limits)).toContain(
      'The Pod "web" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,',
    );
    expect(await kubectl.ok("label pod web tier=front")).toContain("pod/web labeled\n");
    expect(await kubectl.ok("get pods -l tier=front -o name")).toBe("pod/web\n");
    expect(await kubectl.fails("expose pod web --port=80")).toContain("a node without a cluster has no Services");
  });

  if (!ENDS.has(path)) return;
  describe("all the rest", () => {
    /** A kubectl that goes on until `enough` is true of what it has printed, and is then ended. */
    async function until(args: readonly string[], enough: (text: string) => boolean): Promise<string> {
      const child = spawn(path, [...args], { env: kubectlEnv(kubectl.kubeconfig), stdio: ["ignore", "pipe", "pipe"] });
      let text = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      }
      const closed = new Promise((done) => child.once("close", done));
      try {
        while (!enough(text) && child.exitCode === null) await pause(10);
        if (!enough(text)) throw new Error(`${args.join(" ")} ended: ${text}`);
        return text;
      } finally {
        child.kill("SIGTERM");
        await closed;
      }
    }

    test("get -w tells of every step from nothing to gone", async () => {
      const watching = until(["get", "pods", "-w", "-l", "app=seen", "--output-watch-events"], (text) =>
        text.includes("DELETED"),
      );
      await kubectl.ok("create -f -", pod("seen", { containers: [shell("c", "sleep 1000")] }));
      await kubectl.ok(`wait ${READY} pod/seen`);
      await kubectl.ok("delete pod seen --force --grace-period=0");
      const lines = (await watching).trimEnd().split("\n");
      expect(lines[0]!.split(/ +/)).toEqual(["EVENT", "NAME", "READY", "STATUS", "RESTARTS", "AGE"]);
      expect(lines[1]).toMatch(/^ADDED +seen /);
      expect(lines).toContainEqual(expect.stringMatching(/^MODIFIED +seen +1\/1 +Running +0 /));
    });

    test("logs -f ends with the container; --previous shows the one before", async () => {
      const script = "echo begin; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo end; exit 3";
      await kubectl.ok("create -f -", pod("falls", { containers: [shell("c", script)], restartPolicy: "OnFailure" }));
      await kubectl.ok(`wait ${READY} pod/falls`);
      const following = kubectl.ok("logs falls -f");
      await until(["logs", "falls", "-f"], (text) => text.includes("begin"));
      await kubectl.ok("exec falls -- touch /tmp/go");
      expect(await following).toBe("begin\nend\n");
      const restarted = "wait --for=jsonpath={.status.containerStatuses[0].restartCount}=1 pod/falls --timeout=60s";
      await kubectl.ok(restarted);
      expect(await kubectl.ok("logs falls --previous")).toBe("begin\nend\n");
      expect((await kubectl.ok("get pod falls --no-headers")).trim()).toMatch(
        /^falls +\d\/1 +\w+ +1 \(\d+s ago\) +\d+s$/,
      );
      const text = await kubectl.ok("describe pod falls");
      expect(text).toMatch(/^ {4}Last State: +Terminated\n +Reason: +Error\n +Exit Code: +3\n/m);
      expect(await kubectl.ok("delete pod falls --force --grace-period=0")).toMatch(/^pod "falls" force deleted/);
      expect(await kubectl.fails("get pod falls")).toContain("(NotFound)");
    });

    test("describe of a Pod", async () => {
      const text = await kubectl.ok("describe pod web");
      for (const line of [
        /^Name: +web$/,
        new RegExp(`^Namespace: +${namespace}$`),
        /^Service Account: +default$/,
        /^Labels: +app=web$/,
        /^Status: +Running$/,
        /^ {4}Container ID: +minke:\/\/[0-9a-f]{64}$/,
        /^ {4}State: +Running$/,
        /^ {6}memory: +64Mi$/,
        /^ {2}PodReadyToStartContainers +True *$/,
        /^QoS Class: +Burstable$/,
        /^Tolerations: +node\.kubernetes\.io\/not-ready:NoExecute op=Exists for 300s$/,
        /^ {2}Normal +Started +\S+ +\S+ +.*[cC]ontainer.*$/,
      ]) {
        expect(text).toMatch(new RegExp(line.source, "m"));
      }
    });

    test("events, in both of kubectl's ways", async () => {
      const [head, ...rows] = await kubectl.table("get events --field-selector=involvedObject.name=web");
      expect(head).toEqual(["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]);
      expect(rows.map(([, type, reason, object]) => [type, reason, object])).toContainEqual([
        "Normal",
        "Started",
        "pod/web",
      ]);
      const [headOfEvents, ...events] = await kubectl.table("events --for pod/web");
      expect(headOfEvents).toEqual(head);
      expect(events.map(([, , reason, object]) => [reason, object])).toContainEqual(["Started", "Pod/web"]);
      expect(await kubectl.ok("get events --sort-by=.lastTimestamp -o name")).toMatch(/^event\/web\.[0-9a-f]+$/m);
    });

    test("top", async () => {
      const pods = await kubectl.ok("top pod --containers");
      expect(pods).toMatch(/^POD +NAME +CPU\(cores\) +MEMORY\(bytes\) *$/m);
      expect(pods).toMatch(/^web +c +\d+m +\d+Mi *$/m);
      const described = await kubectl.ok("describe node");
      expect(described).toMatch(/^Lease:\n +HolderIdentity: +\S+\n +AcquireTime: +<unset>\n +RenewTime: +\w{3}, \d\d/m);
      const [, name] = /^Name: +(\S+)$/m.exec(described)!;
      const summary = JSON.parse(await kubectl.ok(`get --raw /api/v1/nodes/${name}/proxy/stats/summary`)) as object;
      expect(summary).toMatchObject({ node: { nodeName: name }, pods: [{ podRef: { name: "web" } }] });
      expect(await kubectl.ok("top node")).toMatch(/^NAME +CPU\(cores\) .*\n\S+ +\d+m +\d+% +\d+Mi +\d+% *\n$/);
    });

    test("set image starts the container anew; edit keeps to what may change", async () => {
      await kubectl.ok("create -f -", pod("moves", { containers: [shell("c", "sleep 1000")] }));
      await kubectl.ok(`wait ${READY} pod/moves`);
      expect(await node.minke(["image", "tag", BUSYBOX, "localhost/busybox:two"])).toMatchObject({ code: 0 });
      expect(await kubectl.ok("set image pod/moves c=localhost/busybox:two")).toBe("pod/moves image updated\n");
      await kubectl.ok("wait --for=jsonpath={.status.containerStatuses[0].restartCount}=1 pod/moves --timeout=60s");
      const editor = join(node.scratch, "edit-moves");
      writeFileSync(editor, `#!/bin/sh\nsed -i 's/sleep 1000/sleep 2000/' "$1"\n`);
      chmodSync(editor, 0o755);
      expect(await kubectl.with({ EDITOR: editor }).fails("edit pod moves")).toContain('pods "moves" is invalid');
      writeFileSync(editor, `#!/bin/sh\nsed -i 's/app: moves/app: moved/' "$1"\n`);
      expect(await kubectl.with({ EDITOR: editor }).ok("edit pod moves")).toBe("pod/moves edited\n");
      expect(await kubectl.ok("delete pod -l app=moved --grace-period=1")).toMatch(/^pod "moves" deleted/);
    });

    test("run --rm -i and a dry run", async () => {
      const image = [`--image=${BUSYBOX}`, "--image-pull-policy=IfNotPresent", "--restart=Never"];
      const { code, stdout } = await kubectl.run(["run", "r2", ...image, "--rm", "-i", "--", "echo", "hey"]);
      expect({ code, stdout }).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/hey\n(.*\n)*pod "r2" deleted/),
      });
      const dry = JSON.parse(await kubectl.ok(["run", "r3", ...image, "--dry-run=server", "-o", "json"])) as object;
      expect(dry).toMatchObject({ metadata: { labels: { run: "r3" } }, spec: { restartPolicy: "Never" } });
      expect(await kubectl.fails("get pod r3")).toContain("(NotFound)");
    });
  });
});
