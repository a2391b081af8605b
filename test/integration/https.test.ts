/** HTTPS, client certificates and kubeconfigs, with the real kubectl and curl against a real node. */
import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";

import { kubectls, runKubectl } from "../fixtures/kubectl.ts";
import { allRunning, BUSYBOX, startTestNode, type TestNode } from "../fixtures/node.ts";

const run = promisify(execFile);
/** An account that Debian always has, and that may nothing. */
const NOBODY = 65_534;

let node: TestNode;
let kubeconfig: string;
let server: string;
beforeAll(async () => {
  node = await startTestNode();
  kubeconfig = join(node.scratch, "kubeconfig");
  expect(await node.minke(["kubeconfig", "--output", kubeconfig])).toMatchObject({ code: 0 });
  server = (JSON.parse(readFileSync(join(node.state, "api.json"), "utf8")) as { server: string }).server;
});
afterAll(async () => node[Symbol.asyncDispose]());

async function curl(path: string, ...args: readonly string[]): Promise<{ code: number; text: string }> {
  const { stdout } = await run("curl", ["-sk", "-w", "\n%{http_code}", ...args, server + path]);
  const end = stdout.lastIndexOf("\n");
  return { code: Number(stdout.slice(end + 1)), text: stdout.slice(0, end) };
}

test.each(kubectls())(
  "%s works with the kubeconfig: write, list, watch, exec over an upgrade, delete",
  async (kubectl) => {
    const name = `k-${kubectl.replaceAll(/\W/g, "").slice(-4).toLowerCase()}`;
    const pod = `apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec: {containers: [{name: c, image: "${BUSYBOX}", command: [sleep, "600"]}], terminationGracePeriodSeconds: 0}
`;
    const k = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await runKubectl(kubectl, kubeconfig, args, pod);
      expect(code, `${args.join(" ")}: ${stderr}`).toBe(0);
      return stdout;
    };
    expect(await k("config", "current-context")).toBe(`minke-${node.instance}\n`);
    await k("create", "--validate=false", "-f", "-");
    await node.until(name, allRunning);
    expect(await k("get", "pods")).toMatch(new RegExp(`^${name} +1/1 +Running`, "m"));
    // Watches over HTTP/2 until the Pod is ready.
    expect(await k("wait", "--for=condition=Ready", `pod/${name}`, "--timeout=60s")).toContain("condition met");
    expect(await k("exec", name, "--", "echo", "hello")).toBe("hello\n");
    await k("delete", "pod", name);
  },
);

test("strangers are told Unauthorized, as Kubernetes does, and may only ask for health and version", async () => {
  const refused = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "Unauthorized",
    reason: "Unauthorized",
    code: 401,
  };
  for (const path of ["/api", "/api/v1/pods", "/apis/node.minke.dev/v1alpha1/info", "/metrics", "/nothing"]) {
    const { code, text } = await curl(path);
    expect({ path, code, body: JSON.parse(text) }).toEqual({ path, code: 401, body: refused });
  }
  for (const path of ["/livez", "/readyz", "/healthz", "/version"]) expect((await curl(path)).code, path).toBe(200);
  expect((await curl("/api", "--http1.1")).code).toBe(401);
  const upgrade = ["--http1.1", "-H", "connection: upgrade", "-H", "upgrade: websocket"];
  expect((await curl("/api/v1/namespaces/default/pods/x/exec?command=id&stdout=1", ...upgrade)).code).toBe(401);
});

test("a page of another site gets nowhere, by a name that leads here or from where it is", async () => {
  expect((await curl("/livez", "-H", "Host: evil.example")).code).toBe(403);
  expect((await curl("/livez", "--http1.1", "-H", "Host: evil.example:6443")).code).toBe(403);
  expect((await curl("/livez", "-H", "Origin: https://evil.example")).code).toBe(403);
  expect((await curl("/livez", "-H", "Origin: http://localhost")).code).toBe(200);
  const { stdout } = await run("curl", ["-skD-", "-o/dev/null", `${server}/livez`]);
  expect(stdout.toLowerCase()).not.toContain("access-control");
  expect(stdout.toLowerCase()).toContain("x-content-type-options: nosniff");
});

test("a certificate of another authority is no good, whatever it says", async () => {
  const [key, certificate] = [join(node.scratch, "bad.key"), join(node.scratch, "bad.crt")];
  const subject = ["-subj", "/O=system:masters/CN=admin"];
  const made = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  await run("openssl", [...made, ...subject, "-keyout", key, "-out", certificate]);
  expect((await curl("/api", "--cert", certificate, "--key", key)).code).toBe(401);
  // Nor is the server's own, which is for servers.
  const own = ["--cert", join(node.root, "pki/server.crt"), "--key", join(node.root, "pki/server.key")];
  expect((await curl("/api", ...own)).code).toBe(401);
});

test("a user without a role may do nothing, and can not make a certificate of more than that", async () => {
  const file = join(node.scratch, "ada");
  expect(await node.minke(["kubeconfig", "--user", "ada", "--output", file])).toMatchObject({ code: 0 });
  const { users } = parse(readFileSync(file, "utf8")) as { users: [{ user: Record<string, string> }] };
  for (const [name, key] of [
    ["client-certificate-data", "ada.crt"],
    ["client-key-data", "ada.key"],
  ] as const) {
    writeFileSync(join(node.scratch, key), Buffer.from(users[0].user[name]!, "base64"));
  }
  const ada = ["--cert", join(node.scratch, "ada.crt"), "--key", join(node.scratch, "ada.key")];
  expect((await curl("/api/v1/namespaces/default/pods", ...ada)).code).toBe(403);
  const path = "/apis/node.minke.dev/v1alpha1/clientcertificates";
  expect((await curl(path, ...ada, "-d", "{}")).code).toBe(403);
});

test("kubectl's auth commands and tokens: a service account may do what its role says, with its token, until it is gone", async () => {
  const kubectl = kubectls().at(-1)!;
  const k = async (args: string, input = ""): Promise<string> => {
    const { stdout, stderr, code } = await runKubectl(kubectl, kubeconfig, args.split(" "), input);
    return code === 0 ? stdout : `${code}: ${stderr}${stdout}`;
  };
  expect(await k("auth can-i delete pods")).toBe("yes\n");
  expect(await k("auth can-i --list")).toMatch(/^\*\.\* +\[\] +\[\] +\[\*\]$/m);
  expect(await k("auth whoami")).toMatch(/^Username +admin$/m);
  await k("create -f -", JSON.stringify({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "robot" } }));
  expect(await k("create rolebinding robot --clusterrole=view --serviceaccount=default:robot")).toContain("created");
  const as = "--as=system:serviceaccount:default:robot";
  expect(await k(`auth can-i list pods ${as}`)).toBe("yes\n");
  expect(await k(`auth can-i create pods ${as}`)).toMatch(/^1: .*no\n$/s);
  expect(await k(`get secrets ${as}`)).toContain(
    'secrets is forbidden: User "system:serviceaccount:default:robot" cannot list resource "secrets" in API group "" in the namespace "default"',
  );
  const token = (await k("create token robot --duration=20m")).trim();
  const bearer = ["-H", `Authorization: Bearer ${token}`];
  // A program that asks without end is told to wait, and nobody else is concerned.
  const urls = Array.from({ length: 400 }, () => ["-o/dev/null", `${server}/version`]).flat();
  const many = await run("curl", ["-sk", "-w", "%{http_code} %header{retry-after}\n", ...bearer, ...urls]);
  expect(many.stdout).toContain("429 1\n");
  expect(await k("auth can-i list pods")).toBe("yes\n");
  await new Promise((done) => setTimeout(done, 1_000));
  expect((await curl("/api/v1/namespaces/default/pods", ...bearer)).code).toBe(200);
  expect((await curl("/api/v1/namespaces/kube-system/pods", ...bearer)).code).toBe(403);
  // A list so long that it is sent in pieces, over HTTP/2 and HTTP/1.1.
  const maps = Array.from({ length: 150 }, (_, i) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `m${i}` },
  }));
  await k("create -f -", JSON.stringify({ apiVersion: "v1", kind: "List", items: maps }));
  for (const version of ["--http2", "--http1.1"]) {
    const { code, text } = await curl("/api/v1/namespaces/default/configmaps", version, ...bearer);
    const { items } = JSON.parse(text) as { items: { metadata: { name: string } }[] };
    expect([code, items.filter(({ metadata }) => /^m\d+$/.test(metadata.name)).length]).toEqual([200, 150]);
    expect((await curl("/api/v1/namespaces/default/configmaps", version, "-I", ...bearer)).code).toBe(200);
  }
  expect((await curl("/api/v1/namespaces/default/pods", "-H", `Authorization: Bearer ${token}x`)).code).toBe(401);
  // A wrong credential is told so also where none is needed.
  expect((await curl("/livez", "-H", "Authorization: Bearer x")).code).toBe(401);
  await k("delete serviceaccount robot");
  expect((await curl("/api/v1/namespaces/default/pods", ...bearer)).code).toBe(401);
});

test("a kubeconfig is the caller's alone; merged on request only, without taking the current context", async () => {
  expect(statSync(kubeconfig).mode & 0o777).toBe(0o600);
  const { stdout } = await node.minke(["kubeconfig"]);
  expect(parse(stdout)).toMatchObject({ kind: "Config", "current-context": `minke-${node.instance}` });

  const folder = join(node.scratch, "home");
  mkdirSync(folder);
  chmodSync(node.scratch, 0o755);
  chownSync(folder, NOBODY, NOBODY);
  const file = join(folder, "config");
  writeFileSync(file, "apiVersion: v1\nkind: Config\ncurrent-context: work\nclusters: []\ncontexts: []\nusers: []\n");
  chownSync(file, NOBODY, NOBODY);
  const sudo = { env: { ...process.env, SUDO_UID: String(NOBODY), SUDO_GID: String(NOBODY) } };
  const bin = join(import.meta.dirname, "../../bin/minke");
  const place = ["--instance", node.instance, "--state", node.state];
  await run(bin, ["kubeconfig", "--merge", "--output", file, ...place], sudo);
  expect(statSync(file)).toMatchObject({ uid: NOBODY, gid: NOBODY });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const merged = parse(readFileSync(file, "utf8")) as { readonly [key: string]: unknown };
  expect(merged["current-context"]).toBe("work");
  expect(merged["contexts"]).toMatchObject([{ name: `minke-${node.instance}` }]);
  // With the rights of the caller only, wherever a path or a link leads.
  const elsewhere = join(node.root, "config");
  await expect(run(bin, ["kubeconfig", "--output", elsewhere, ...place], sudo)).rejects.toThrow(/EACCES/);
});

test("a certificate lasts over a restart, and so does the address", async () => {
  const before = readFileSync(join(node.root, "pki/server.crt"), "utf8");
  await node.stop("SIGKILL");
  await node.start();
  expect(readFileSync(join(node.root, "pki/server.crt"), "utf8")).toBe(before);
  const { code, stderr } = await runKubectl(kubectls().at(-1)!, kubeconfig, ["get", "ns"]);
  expect(code, stderr).toBe(0);
});

test("a port that is taken is no reason not to start, unless it was asked for", async () => {
  await node.stop("SIGTERM");
  const port = Number(new URL(server).port);
  const other = createServer().listen(port, "127.0.0.1");
  await new Promise((done) => other.once("listening", done));
  expect((other.address() as AddressInfo).port).toBe(port);
  try {
    await node.start();
    const now = (JSON.parse(readFileSync(join(node.state, "api.json"), "utf8")) as { server: string }).server;
    expect(now).not.toBe(server);
    await node.stop("SIGTERM");
    const place = ["--instance", node.instance, "--root", node.root, "--state", node.state];
    const bin = join(import.meta.dirname, "../../bin/minke");
    const refused = run(bin, ["serve", ...place, "--listen", `127.0.0.1:${port}`]);
    await expect(refused).rejects.toThrow(
      /Cannot listen on 127\.0\.0\.1:\d+: another program listens there; choose another/,
    );
  } finally {
    other.close();
    await node.start();
  }
});

test("a Pod's token speaks for its service account, may what RBAC grants it, and dies with the Pod", async () => {
  const metadata = { name: "reader", namespace: "default" };
  const bind = ["create", "rolebinding", "reader", "--clusterrole=view", "--serviceaccount=default:reader"];
  const kubectl = kubectls().at(-1)!;
  for (const args of [["create", "serviceaccount", metadata.name], bind])
    expect(await runKubectl(kubectl, kubeconfig, args)).toMatchObject({ code: 0 });
  await node.create("speaker", {
    serviceAccountName: "reader",
    terminationGracePeriodSeconds: 0,
    containers: [
      { name: "c", image: BUSYBOX, command: ["sleep", "600"], volumeMounts: [{ name: "t", mountPath: "/t" }] },
    ],
    volumes: [{ name: "t", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } }],
  });
  await node.until("speaker", allRunning);
  const { stdout: token } = await node.minke(["exec", "speaker", "--", "cat", "/t/token"]);
  const bearer = ["-H", `Authorization: Bearer ${token}`];
  expect((await curl("/api/v1/namespaces/default/pods/speaker", ...bearer)).code).toBe(200);
  const refused = await curl("/api/v1/namespaces/default/secrets", ...bearer);
  expect(refused.code).toBe(403);
  expect(refused.text).toContain('User \\"system:serviceaccount:default:reader\\" cannot list resource \\"secrets\\"');
  await node.remove("speaker");
  expect((await curl("/api/v1/namespaces/default/pods", ...bearer)).code).toBe(401);
});
