/** The API as programs in Pods find and use it. Real clients run in real Pods: kubectl (client-go) and the JavaScript client. */
import { execFile } from "node:child_process";
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { ROLE_BINDINGS } from "../../src/api/access-resources.ts";
import type { ConfigMap, Pod, PodSpec } from "../../src/api/gen/types.ts";
import { SERVICE_ACCOUNTS } from "../../src/api/resources.ts";
import { kubectls } from "../fixtures/kubectl.ts";
import { allRunning, BUSYBOX, type Output, startTestNode, type TestNode } from "../fixtures/node.ts";

const MOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
/** The newest that is on this machine; without one, what follows is counted as skipped. */
const KUBECTL = kubectls().at(-1);
const HOST_PATHS: Readonly<Record<string, string>> = {
  kubectl: KUBECTL!,
  node: realpathSync(process.execPath),
  "node-modules": resolve(import.meta.dirname, "../../node_modules"),
  // What Node is linked with.
  lib: "/usr/lib",
  lib64: "/usr/lib64",
};
const MOUNT_PATHS = ["/bin/kubectl", "/bin/node", "/app/node_modules", "/lib", "/lib64"];

let node: TestNode;
/** A Pod with the clients in it. */
async function client(name: string, spec: Partial<PodSpec> = {}): Promise<Pod> {
  const names = Object.keys(HOST_PATHS);
  const volumeMounts = names.map((volume, i) => ({ name: volume, mountPath: MOUNT_PATHS[i]!, readOnly: true }));
  await node.create(name, {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: "c", image: BUSYBOX, command: ["sleep", "600"], volumeMounts }],
    volumes: names.map((volume) => ({ name: volume, hostPath: { path: HOST_PATHS[volume]! } })),
    ...spec,
  });
  return await node.until(name, allRunning);
}

const inPod = async (pod: string, ...command: readonly string[]): Promise<Output> =>
  await node.minke(["exec", pod, "--", ...command]);
const kubectl = async (pod: string, ...args: readonly string[]): Promise<Output> =>
  await inPod(pod, "kubectl", "--cache-dir=/tmp/cache", ...args);

async function printed(answer: Promise<Output>): Promise<string> {
  const { code, stdout, stderr } = await answer;
  expect(code, stderr).toBe(0);
  return stdout;
}

/** Asks the API from the host. The code is 0 when the connection was closed without an answer. */
async function curl(url: string, ...args: readonly string[]): Promise<number> {
  const argv = ["-sk", "-o", "/dev/null", "-w", "%{http_code}", ...args, url];
  const { stdout } = await promisify(execFile)("curl", argv).catch((error: { stdout: string }) => error);
  return Number(stdout);
}

async function urlIn(pod: string): Promise<string> {
  const script = "echo https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT";
  return (await printed(inPod(pod, "sh", "-c", script))).trim();
}

describe.skipIf(KUBECTL === undefined)("with kubectl", () => {
  beforeAll(async () => {
    node = await startTestNode();
  });
  afterAll(async () => node[Symbol.asyncDispose]());

  test("client-go in a Pod is its service account, may look around, and no more until a role is bound", async () => {
    const pod = await client("plain");
    expect(pod.spec!.volumes!.at(-1)!.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
    const described = (await node.minke(["describe", "pod", "plain"])).stdout;
    expect(described.slice(described.indexOf("  kube-api-access-"))).toMatch(
      /^ .*\n {4}Type: +Projected \(.*\n {4}TokenExpirationSeconds: +3607\n {4}ConfigMapName: +kube-root-ca\.crt\n {4}Optional: +false\n {4}DownwardAPI: +true\n/,
    );
    expect(await printed(kubectl("plain", "auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"))).toBe(
      "system:serviceaccount:default:default",
    );
    expect(await printed(kubectl("plain", "api-versions"))).toContain("rbac.authorization.k8s.io/v1\n");
    const refused = await kubectl("plain", "get", "pods");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(
      'pods is forbidden: User "system:serviceaccount:default:default" cannot list resource "pods" in API group "" in the namespace "default"',
    );
    await node.client.resource(ROLE_BINDINGS, "default").create({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: { name: "viewer" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [{ kind: "ServiceAccount", name: "default", namespace: "default" }],
    });
    expect(await printed(kubectl("plain", "get", "pods", "-o", "name"))).toBe("pod/plain\n");
    expect(await kubectl("plain", "auth", "can-i", "delete", "pods")).toMatchObject({ code: 1, stdout: "no\n" });
  });

  test("the JavaScript client finds the API in a Pod by itself", async () => {
    const script = `
    const { CoreV1Api, KubeConfig } = require("/app/node_modules/@kubernetes/client-node");
    const config = new KubeConfig();
    config.loadFromCluster();
    const core = config.makeApiClient(CoreV1Api);
    core.readNamespacedPod({ name: "plain", namespace: config.getContextObject("inClusterContext").namespace })
      .then((pod) => console.log(pod.metadata.name));`;
    expect(await printed(inPod("plain", "node", "-e", script))).toBe("plain\n");
  });

  test("a Pod with the host's network has the same", async () => {
    await client("on-host", { hostNetwork: true, enableServiceLinks: false });
    expect(await printed(kubectl("on-host", "get", "pod", "plain", "-o", "name"))).toBe("pod/plain\n");
    expect(await urlIn("on-host")).toBe(await urlIn("plain"));
  });

  test("without a token a Pod is a stranger, and who is no Pod is not even that", async () => {
    const url = await urlIn("plain");
    const script = `Promise.all(["/version", "/api/v1/namespaces"].map((path) => fetch("${url}" + path)))
    .then((answers) => console.log(...answers.map(({ status }) => status)));`;
    const trusting = `NODE_EXTRA_CA_CERTS=${MOUNT}/ca.crt`;
    expect(await printed(inPod("plain", "env", trusting, "node", "-e", script))).toBe("200 401\n");
    expect(await curl(`${url}/api/v1/namespaces`)).toBe(401);
    // As from a neighbour of the machine, whose address is not of the Pods' network.
    expect(await curl(`${url}/version`, "--interface", "127.0.0.1")).toBe(0);
  });

  test("the token can not be written, and dies with its Pod", async () => {
    const url = `${await urlIn("plain")}/api/v1/namespaces/default/pods`;
    const bearer = ["-H", `Authorization: Bearer ${await printed(inPod("on-host", "cat", `${MOUNT}/token`))}`];
    expect((await inPod("on-host", "sh", "-c", `echo x > ${MOUNT}/token`)).stderr).toContain("Read-only file system");
    expect(await printed(inPod("on-host", "cat", `${MOUNT}/namespace`))).toBe("default");
    expect(await curl(url, ...bearer)).toBe(200);
    await node.remove("on-host");
    expect(await curl(url, ...bearer)).toBe(401);
  });

  test("what volumes show changes while a container looks: a ConfigMap, and a token that is good no more", async () => {
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "robot" } };
    const accounts = node.client.resource(SERVICE_ACCOUNTS, "default");
    const configMap = (text: string): ConfigMap => ({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "words" },
      data: { text },
    });
    await accounts.create(account);
    await node.client.configMaps("default").create(configMap("before"));
    await node.create("robot", {
      serviceAccountName: "robot",
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: "c",
          image: BUSYBOX,
          command: ["sleep", "600"],
          volumeMounts: [{ name: "words", mountPath: "/words" }],
        },
      ],
      volumes: [{ name: "words", configMap: { name: "words" } }],
    });
    await node.until("robot", allRunning);
    const url = `${await urlIn("robot")}/version`;
    const bearer = async (): Promise<string> =>
      `Authorization: Bearer ${await printed(inPod("robot", "cat", `${MOUNT}/token`))}`;
    expect(await curl(url, "-H", await bearer())).toBe(200);
    await accounts.delete("robot");
    await accounts.create(account);
    expect(await curl(url, "-H", await bearer())).toBe(401);
    await node.client.configMaps("default").update(configMap("after"));
    // Ends by itself when the container sees the new text.
    await printed(
      inPod("robot", "timeout", "20", "sh", "-c", "until grep -q after /words/text; do usleep 10000; done"),
    );
    await expect.poll(async () => await curl(url, "-H", await bearer()), { timeout: 20_000 }).toBe(200);
  });

  test("after the daemon has been killed, Pods that run find the API where it was, and keep their token", async () => {
    const token = await printed(inPod("plain", "cat", `${MOUNT}/token`));
    const url = await urlIn("plain");
    await node.stop("SIGKILL");
    await node.start();
    expect(await printed(kubectl("plain", "get", "pod", "plain", "-o", "name"))).toBe("pod/plain\n");
    expect(await printed(inPod("plain", "cat", `${MOUNT}/token`))).toBe(token);
    await client("later");
    expect(await urlIn("later")).toBe(url);
  });

  test("whoever wants no token gets none", async () => {
    const pod = await client("silent", { automountServiceAccountToken: false });
    expect(pod.spec!.containers[0]!.volumeMounts!.map(({ mountPath }) => mountPath)).toEqual(MOUNT_PATHS);
    expect(await inPod("silent", "ls", MOUNT)).toMatchObject({ code: 1 });
  });
});
