/** HTTP through the API to a server in a real Pod, by kubectl. */
import { join } from "node:path";
import { expect, test } from "vitest";

import { kubectls, runKubectl } from "../fixtures/kubectl.ts";
import { allRunning, BUSYBOX, startTestNode } from "../fixtures/node.ts";

const kubectl = kubectls().at(-1);

test.skipIf(kubectl === undefined)("kubectl get --raw reads pages and much of a Pod, many at a time", async () => {
  await using node = await startTestNode();
  const kubeconfig = join(node.scratch, "kubeconfig");
  expect(await node.minke(["kubeconfig", "--output", kubeconfig])).toMatchObject({ code: 0 });
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
  const many = await Promise.all(Array.from({ length: 30 }, async () => raw("http:web:8080", "page")));
  expect(many).toEqual(many.map(() => ({ code: 0, stdout: "page\n", stderr: "" })));
  expect((await raw("web", "much")).stdout.length).toBe(20_000_000);
  expect((await raw("web", "nothing")).stderr).toContain("NotFound");
  expect((await raw("web:9", "page")).stderr).toContain("error trying to reach service");
});
