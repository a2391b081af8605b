/**
 * The real kubectl at a real node over HTTPS: writing and reading objects. Output is compared with what Kubernetes prints.
 * Each version on the machine walks the core; the oldest and the newest do all. Pods: kubectl-pods.test.ts.
 */
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { stripVTControlCharacters } from "node:util";

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";

import { Kubectl, kubectls } from "../fixtures/kubectl.ts";
import { startTestNode, type TestNode } from "../fixtures/node.ts";

const PATHS = kubectls();
/** The one on the PATH is the last, and mostly a copy of one beside it. */
const ENDS = new Set([PATHS.at(0), PATHS.findLast((path) => path.includes("kubectl.1.")) ?? PATHS.at(-1)]);

let node: TestNode;
let kubeconfig: string;
beforeAll(async () => {
  node = await startTestNode();
  kubeconfig = join(node.scratch, "kubeconfig");
  expect(await node.minke(["kubeconfig", "--output", kubeconfig])).toMatchObject({ code: 0 });
});
afterAll(async () => node[Symbol.asyncDispose]());

const configMap = (name: string, data: Readonly<Record<string, string>>, labels?: object): string =>
  stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...(labels && { labels }) }, data });

describe.each(PATHS)("%s", (path) => {
  let kubectl: Kubectl;
  let namespace: string;
  beforeAll(async () => {
    namespace = basename(path).replaceAll(/\W/g, "-");
    const kubeconfigOfIts = join(node.scratch, namespace);
    writeFileSync(kubeconfigOfIts, readFileSync(kubeconfig), { mode: 0o600 });
    kubectl = new Kubectl(path, kubeconfigOfIts);
    expect(await kubectl.ok(`create namespace ${namespace}`)).toBe(`namespace/${namespace} created\n`);
    await kubectl.ok(`config set-context --current --namespace=${namespace}`);
  });
  afterAll(async () => {
    expect(await kubectl.ok(`delete namespace ${namespace}`)).toContain(`namespace "${namespace}" deleted`);
    expect(await kubectl.fails(`get namespace ${namespace}`)).toBe(
      `Error from server (NotFound): namespaces "${namespace}" not found\n`,
    );
  });
  const data = async (name: string): Promise<unknown> =>
    JSON.parse(await kubectl.ok(`get configmap ${name} -o jsonpath={.data}`));

  test("create, and what is there already", async () => {
    expect(await kubectl.ok("create configmap made --from-literal=a=1")).toBe("configmap/made created\n");
    expect(await kubectl.fails("create configmap made --from-literal=a=1")).toBe(
      'error: failed to create configmap: configmaps "made" already exists\n',
    );
    expect(await kubectl.fails("create -f -", configMap("made", {}))).toBe(
      'Error from server (AlreadyExists): error when creating "STDIN": configmaps "made" already exists\n',
    );
    expect(await kubectl.fails("create -n nowhere -f -", configMap("made", {}))).toBe(
      'Error from server (NotFound): error when creating "STDIN": namespaces "nowhere" not found\n',
    );
    const misspelt = `${configMap("misspelt", {})}dat: {}\n`;
    expect(await kubectl.fails("create -f -", misspelt)).toContain('strict decoding error: unknown field "dat"');
    expect((await kubectl.run("create --validate=warn -f -", misspelt)).stderr).toContain(
      'Warning: unknown field "dat"',
    );
  });

  test("apply merges three ways: what the file drops goes, what others set stays", async () => {
    const apply = async (values: Readonly<Record<string, string>>): Promise<string> =>
      kubectl.ok("apply -f -", configMap("merged", values));
    expect(await apply({ a: "1", b: "2" })).toBe("configmap/merged created\n");
    expect(await apply({ a: "1", b: "2" })).toBe("configmap/merged unchanged\n");
    await kubectl.ok(["patch", "configmap", "merged", "-p", '{"data":{"theirs":"x"}}']);
    expect(await apply({ a: "3" })).toBe("configmap/merged configured\n");
    expect(await data("merged")).toEqual({ a: "3", theirs: "x" });
  });

  test("apply on the server: managers, conflicts, force", async () => {
    const apply = "apply --server-side -f -";
    expect(await kubectl.ok(apply, configMap("owned", { a: "1" }))).toBe("configmap/owned serverside-applied\n");
    expect(await kubectl.fails(`${apply} --field-manager=other`, configMap("owned", { a: "2" }))).toContain(
      'Apply failed with 1 conflict: conflict with "kubectl": .data.a',
    );
    await kubectl.ok(`${apply} --field-manager=other --force-conflicts`, configMap("owned", { a: "2" }));
    expect(await data("owned")).toEqual({ a: "2" });
  });

  test("patch in three kinds", async () => {
    await kubectl.ok("create -f -", configMap("patched", { a: "1" }));
    const patch = async (type: string, text: string): Promise<string> =>
      kubectl.ok(["patch", "configmap", "patched", `--type=${type}`, "-p", text]);
    expect(await patch("strategic", '{"data":{"b":"2"}}')).toBe("configmap/patched patched\n");
    expect(await patch("merge", '{"data":{"a":null}}')).toBe("configmap/patched patched\n");
    expect(await patch("json", '[{"op":"add","path":"/data/c","value":"3"}]')).toBe("configmap/patched patched\n");
    expect(await patch("merge", '{"data":{"c":"3"}}')).toBe("configmap/patched patched (no change)\n");
    expect(await data("patched")).toEqual({ b: "2", c: "3" });
  });

  test("label, annotate, replace, edit", async () => {
    await kubectl.ok("create -f -", configMap("changed", { a: "1" }));
    expect(await kubectl.ok("label configmap changed tier=front")).toBe("configmap/changed labeled\n");
    expect(await kubectl.fails("label configmap changed tier=back")).toBe(
      "error: 'tier' already has a value (front), and --overwrite is false\n",
    );
    expect(await kubectl.ok("label configmap changed tier=back --overwrite")).toBe("configmap/changed labeled\n");
    expect(await kubectl.ok("label configmap changed tier-")).toBe("configmap/changed unlabeled\n");
    expect(await kubectl.ok("annotate configmap changed note=n")).toMatch(/^configmap\/changed annotated?\n$/);

    const live = await kubectl.ok("get configmap changed -o yaml");
    expect(await kubectl.ok("replace -f -", live.replace('a: "1"', 'a: "2"'))).toBe("configmap/changed replaced\n");
    expect(await kubectl.fails("replace -f -", live)).toContain(
      'Error from server (Conflict): error when replacing "STDIN": Operation cannot be fulfilled on configmaps "changed": the object has been modified; please apply your changes to the latest version and try again',
    );
    expect(await kubectl.ok("replace --force -f -", configMap("changed", { a: "5" }))).toBe(
      'configmap "changed" deleted\nconfigmap/changed replaced\n',
    );

    const editor = join(node.scratch, "editor");
    writeFileSync(editor, `#!/bin/sh\nsed -i 's/a: "5"/a: "6"/' "$1"\n`);
    chmodSync(editor, 0o755);
    const edit = kubectl.with({ EDITOR: editor });
    expect(await edit.ok("edit configmap changed")).toBe("configmap/changed edited\n");
    expect(await data("changed")).toEqual({ a: "6" });
    expect((await edit.run("edit configmap changed")).stderr).toBe("Edit cancelled, no changes made.\n");
  });

  test("diff tells what an apply would change, and nothing when it would not", async () => {
    // Never applied: apply would add the annotation, and diff shows none of that.
    await kubectl.ok("create -f -", configMap("differs", { a: "1" }));
    expect(await kubectl.run("diff -f -", configMap("differs", { a: "1" }))).toMatchObject({ code: 0, stdout: "" });
    const { code, stdout } = await kubectl.run("diff -f -", configMap("differs", { a: "2" }));
    expect(code).toBe(1);
    const changed = stdout.split("\n").filter((line) => /^[-+] /.test(line));
    expect(changed).toEqual(['-  a: "1"', '+  a: "2"']);
  });

  test("get in its many forms", async () => {
    for (const [name, part] of [
      ["g1", "x"],
      ["g2", "x"],
      ["g3", "z"],
    ] as const) {
      await kubectl.ok("create -f -", configMap(name, part === "z" ? {} : { name }, { part }));
    }
    expect(await kubectl.table("get configmaps -l part")).toEqual([
      ["NAME", "DATA", "AGE"],
      ["g1", "1", "AGE"],
      ["g2", "1", "AGE"],
      ["g3", "0", "AGE"],
    ]);
    expect(await kubectl.ok("get configmap -l part=x -o name")).toBe("configmap/g1\nconfigmap/g2\n");
    expect(await kubectl.ok(["get", "cm", "-l", "part notin (x),part", "-o", "name"])).toBe("configmap/g3\n");
    expect(await kubectl.ok("get cm --field-selector=metadata.name=g2 -o name")).toBe("configmap/g2\n");
    expect(await kubectl.ok("get cm -l part -o jsonpath={.items[*].metadata.name}")).toBe("g1 g2 g3");
    expect(
      await kubectl.table("get cm g1 g3 --no-headers -o custom-columns=N:.metadata.name,D:.data.name,X:.nope"),
    ).toEqual([
      ["g1", "g1", "<none>"],
      ["g3", "<none>", "<none>"],
    ]);
    const sorted = "get cm -l part --sort-by={.metadata.labels.part}";
    expect((await kubectl.table(sorted)).map(([name]) => name)).toEqual(["NAME", "g1", "g2", "g3"]);
    expect((await kubectl.table("get cm -A --field-selector=metadata.name=g1"))[1]).toEqual([
      namespace,
      "g1",
      "1",
      "AGE",
    ]);
    expect(await kubectl.table("get cm g3 --show-labels")).toEqual([
      ["NAME", "DATA", "AGE", "LABELS"],
      ["g3", "0", "AGE", "part=z"],
    ]);
    expect(JSON.parse(await kubectl.ok("get cm -l part=z -o json"))).toMatchObject({ kind: "List", items: [{}] });
    expect(await kubectl.ok("get cm g1 -o yaml")).toMatch(/^apiVersion: v1\ndata:\n {2}name: g1\nkind: ConfigMap\n/);
    expect((await kubectl.run("get cm -l part=nope")).stderr).toBe(`No resources found in ${namespace} namespace.\n`);
    expect(await kubectl.fails("get cm nope")).toBe('Error from server (NotFound): configmaps "nope" not found\n');
    expect(await kubectl.fails("get nope")).toBe(`error: the server doesn't have a resource type "nope"\n`);
    expect(await kubectl.ok("get cm g1 --watch --request-timeout=1s -o name")).toBe("configmap/g1\n");
  });

  test("delete, by name, by label, and what is not there", async () => {
    await kubectl.ok("create -f -", configMap("d1", {}, { gone: "soon" }));
    await kubectl.ok("create -f -", configMap("d2", {}, { gone: "soon" }));
    expect(await kubectl.ok("delete configmap d1")).toMatch(/^configmap "d1" deleted/);
    expect(await kubectl.ok("delete configmap -l gone=soon")).toMatch(/^configmap "d2" deleted/);
    expect(await kubectl.fails("delete configmap d1")).toBe(
      'Error from server (NotFound): configmaps "d1" not found\n',
    );
    expect(await kubectl.ok("delete configmap d1 --ignore-not-found")).toBe("");
  });

  test("what one machine does not have is refused, and says so", async () => {
    expect((await kubectl.run("get services")).stderr).toBe(`No resources found in ${namespace} namespace.\n`);
    expect(await kubectl.fails("create deployment d --image=x")).toContain("failed to create deployment: ");
    expect(await kubectl.fails("create service clusterip s --tcp=80")).toContain(
      "failed to create ClusterIP service: ",
    );
  });

  if (!ENDS.has(path)) return;
  describe("all the rest", () => {
    test("apply prunes what the files no longer name", async () => {
      const labels = { app: "pruned" };
      const files = ["p1", "p2"].map((name) => configMap(name, { name }, labels));
      await kubectl.ok("apply -f -", files.join("---\n"));
      const prune = "apply --prune -l app=pruned --prune-allowlist=core/v1/ConfigMap -f -";
      expect((await kubectl.ok(prune, files[0])).split("\n")).toEqual([
        "configmap/p1 unchanged",
        expect.stringMatching(/^configmap\/p2 pruned/),
        "",
      ]);
    });

    test("describe of a ConfigMap, a Secret, a namespace", async () => {
      await kubectl.ok("create -f -", configMap("told", { a: "1" }, { part: "x" }));
      expect(await kubectl.ok("describe configmap told")).toContain(
        `Name:         told\nNamespace:    ${namespace}\nLabels:       part=x\nAnnotations:  <none>\n\nData\n====\na:\n----\n1\n`,
      );
      await kubectl.ok("create secret generic hidden --from-literal=word=xyzzy");
      const secret = await kubectl.ok("describe secret hidden");
      expect(secret).toContain("Type:  Opaque\n\nData\n====\nword:  5 bytes\n");
      expect(secret).not.toContain("xyzzy");
      await kubectl.ok("create quota few --hard=pods=3");
      const space = await kubectl.ok(`describe namespace ${namespace}`);
      expect(space).toMatch(/^Status: +Active$/m);
      expect(space).toMatch(/^ +pods +0 +3$/m);
      expect(space).toContain("No LimitRange resource.");
    });

    test("describe of the node", async () => {
      const name = await kubectl.ok("get nodes -o jsonpath={.items[0].metadata.name}");
      const text = await kubectl.ok(`describe node ${name}`);
      expect(text).toMatch(/^ {2}Ready +True .* KubeletReady +/m);
      expect(text).toMatch(/^ *Container Runtime Version: +minke:\/\/\d/m);
      expect(text).toMatch(/^Non-terminated Pods: +\(0 in total\)$/m);
      expect((await kubectl.table("get nodes -o wide"))[0]).toEqual(
        "NAME,STATUS,ROLES,AGE,VERSION,INTERNAL-IP,EXTERNAL-IP,OS-IMAGE,KERNEL-VERSION,CONTAINER-RUNTIME".split(","),
      );
    });

    test("what the server is and serves", async () => {
      const { serverVersion } = JSON.parse(await kubectl.ok("version -o json")) as { serverVersion: object };
      expect(serverVersion).toMatchObject({ gitVersion: expect.stringMatching(/^v1\.\d+\.\d+\+minke\./) });
      const resources = await kubectl.table("api-resources --sort-by=name --no-headers");
      expect(resources).toContainEqual(["pods", "po", "v1", "true", "Pod"]);
      expect(resources).toContainEqual(["namespaces", "ns", "v1", "false", "Namespace"]);
      const versions = (await kubectl.ok("api-versions")).trimEnd().split("\n");
      expect(versions).toEqual(versions.toSorted());
      expect(versions).toEqual(expect.arrayContaining(["v1", "metrics.k8s.io/v1beta1", "events.k8s.io/v1"]));
      expect(stripVTControlCharacters(await kubectl.ok("cluster-info"))).toMatch(
        /^Kubernetes control plane is running at https:\/\/127\.0\.0\.1:\d+\n/,
      );
    });

    test("explain", async () => {
      const text = await kubectl.ok("explain pod.spec.containers --recursive");
      expect(text).toMatch(/^KIND: +Pod\nVERSION: +v1\n/);
      expect(text).toMatch(/^ {4}valueFrom\t<EnvVarSource>$/m);
      expect(await kubectl.fails("explain pod.spec.nope")).toContain('error: field "nope" does not exist');
    });

    test("auth can-i and whoami", async () => {
      expect(await kubectl.ok("auth can-i create pods")).toBe("yes\n");
      expect((await kubectl.run("auth can-i create pods --as=nobody")).stdout).toBe("no\n");
      // kubectl 1.27 knows the review only as a beta.
      if (!path.endsWith(".27")) expect(await kubectl.ok("auth whoami")).toMatch(/^Username +admin$/m);
    });
  });
});
