/** HTTP through the API to a server in a real Pod, by kubectl. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { startHttpRelay } from "../fixtures/http-relay.ts";
import { kubectls, runKubectl } from "../fixtures/kubectl.ts";
import { allRunning, BUSYBOX, startTestNode } from "../fixtures/node.ts";

const kubectl = kubectls().at(-1);

test.skipIf(kubectl === undefined)("kubectl get --raw reads pages and much of a Pod, many at a time", async () => {
  await using node = await startTestNode();
  await using relay = await startHttpRelay(join(node.state, "api.sock"));
  const kubeconfig = join(node.scratch, "kubeconfig");
  const cluster = { server: relay.url };
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "relay", cluster }],
      contexts: [{ name: "relay", context: { cluster: "relay", user: "" } }],
      "current-context": "relay",
    }),
  );
  const script = "mkdir /w; echo page > /w/page; head -c 20000000 /dev/zero > /w/much; exec httpd -f -p 8080 -h /w";
  await node.create("web", {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: "c",
        image: BUSYBOX,
        imagePullPolicy: "IfNotPresent",
        command: ["sh", "-c", script],
        ports: [{ containerPort: 8080 }],
      },
    ],
  });
  await node.until("web", allRunning);
  const raw = async (name: string, path: string) =>
    runKubectl(kubectl!, kubeconfig, ["get", "--raw", `/api/v1/namespaces/default/pods/${name}/proxy/${path}`]);
  await expect.poll(async () => raw("web", "page"), { timeout: 20_000 }).toMatchObject({ code: 0, stdout: "page\n" });
  const many = await Promise.all(Array.from({ length: 8 }, async () => raw("http:web:8080", "page")));
  expect(many.map(({ stdout }) => stdout)).toEqual(many.map(() => "page\n"));
  expect((await raw("web", "much")).stdout.length).toBe(20_000_000);
  expect((await raw("web", "nothing")).stderr).toContain("NotFound");
  expect((await raw("web:9", "page")).stderr).toContain("error trying to reach service");
});
