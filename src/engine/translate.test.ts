import { describe, expect, test } from "vitest";

import type { Container, Pod, PodSpec } from "../api/gen/types.ts";
import { dnsOf } from "./dns.ts";
import { resolveEnvironment } from "./environment.ts";
import { hostsFile } from "./hosts-file.ts";
import { cgroupParentOf, containerResources, podResources } from "./resources.ts";
import { verifyRunAsNonRoot } from "./run-as-non-root.ts";
import { logTail } from "./termination-message.ts";
import { containerConfig, hostnameOf, sandboxConfig } from "./translate.ts";

function pod(spec: Partial<PodSpec> = {}, name = "web"): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", uid: "u1", labels: { app: "x" } },
    spec: { ...spec, containers: spec.containers ?? [{ name: "c" }] },
  };
}

const GI = 2 ** 30;

describe("resources", () => {
  const of = (requests?: Record<string, string>, limits?: Record<string, string>): Container => ({
    name: "c",
    resources: { ...(requests && { requests }), ...(limits && { limits }) },
  });

  test.each([
    ["BestEffort", of(), "kubepods/besteffort/podu1", { cpuShares: 2 }, { cpuShares: 2, oomScoreAdj: 1000 }],
    [
      "Guaranteed",
      of({ cpu: "500m", memory: "1Gi" }, { cpu: "500m", memory: "1Gi" }),
      "kubepods/podu1",
      { cpuShares: 512, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryBytes: GI },
      { cpuShares: 512, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryBytes: GI, oomScoreAdj: -997 },
    ],
    [
      "Burstable",
      of({ cpu: "1", memory: "2Gi" }),
      "kubepods/burstable/podu1",
      { cpuShares: 1024 },
      { cpuShares: 1024, oomScoreAdj: 875 },
    ],
    [
      "Burstable with a tiny quota",
      of({ memory: "15Gi" }, { cpu: "1m" }),
      "kubepods/burstable/podu1",
      { cpuShares: 2, cpuQuotaUs: 1000, cpuPeriodUs: 100_000 },
      { cpuShares: 2, cpuQuotaUs: 1000, cpuPeriodUs: 100_000, oomScoreAdj: 63 },
    ],
  ])("%s", (_name, container, parent, ofPod, ofContainer) => {
    const subject = pod({ containers: [container] });
    expect(cgroupParentOf(subject)).toBe(parent);
    expect(podResources(subject)).toEqual(ofPod);
    expect(containerResources(subject, container, 16 * GI)).toEqual(ofContainer);
  });

  test("a Pod has a limit only when every container has it", () => {
    const containers = [of({}, { memory: "1Gi", cpu: "1" }), { ...of({}, { cpu: "1" }), name: "d" }];
    expect(podResources(pod({ containers }))).toEqual({ cpuShares: 2048, cpuQuotaUs: 200_000, cpuPeriodUs: 100_000 });
  });
});

describe("sandboxConfig()", () => {
  test("maps namespaces, ports, sysctls and names", () => {
    const config = sandboxConfig(
      pod({
        shareProcessNamespace: true,
        containers: [{ name: "c", ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }] }],
        securityContext: { sysctls: [{ name: "net.ipv4.tcp_syncookies", value: "0" }] },
      }),
      { attempt: 2, podLogs: "/logs", dns: undefined, runtimeHandler: "runsc" },
    );
    expect(config).toMatchObject({
      metadata: { name: "web", uid: "u1", namespace: "default", attempt: 2 },
      hostname: "web",
      logDirectory: "/logs/default_web_u1",
      portMappings: [{ protocol: "TCP", containerPort: 80, hostPort: 8080, hostIp: "" }],
      namespaces: { network: "pod", pid: "pod", ipc: "pod" },
      sysctls: { "net.ipv4.tcp_syncookies": "0" },
      labels: { app: "x", "io.kubernetes.pod.uid": "u1" },
    });
    expect(config.dns).toBeUndefined();
  });

  test("the host's namespaces", () => {
    const config = sandboxConfig(pod({ hostNetwork: true, hostPID: true, hostIPC: true }), {
      attempt: 0,
      podLogs: "/logs",
      dns: undefined,
      runtimeHandler: "runsc",
    });
    expect(config.namespaces).toEqual({ network: "node", pid: "node", ipc: "node" });
  });

  test("a long name is cut to a legal host name", () => {
    expect(hostnameOf(pod({}, `${"a".repeat(62)}-b`))).toBe("a".repeat(62));
  });
});

describe("containerConfig()", () => {
  test("security: the container's word before the Pod's", () => {
    const subject = pod({
      securityContext: {
        runAsUser: 1,
        runAsGroup: 2,
        fsGroup: 3,
        supplementalGroups: [4],
        supplementalGroupsPolicy: "Strict",
      },
      containers: [{ name: "c", securityContext: { runAsUser: 9, allowPrivilegeEscalation: false } }],
    });
    const config = containerConfig(subject, subject.spec!.containers[0]!, {
      attempt: 3,
      kind: "main",
      imageId: "sha256:1",
      env: [],
      command: [],
      args: [],
      mounts: [],
      messageFile: "/m",
      capacityBytes: GI,
      seccompRoot: "/s",
    });
    expect(config.security).toEqual({
      privileged: false,
      addCapabilities: [],
      dropCapabilities: [],
      runAsUser: 9,
      runAsGroup: 2,
      supplementalGroups: [4, 3],
      supplementalGroupsPolicy: "strict",
      readonlyRootfs: false,
      noNewPrivileges: true,
      seccomp: { type: "unconfined" },
    });
    expect(config.logPath).toBe("c/3.log");
  });
});

describe("runAsNonRoot", () => {
  test.each([
    [undefined, "", 'container has runAsNonRoot and image will run as root (pod: "web_default(u1)", container: c)'],
    [undefined, "0:0", 'container has runAsNonRoot and image will run as root (pod: "web_default(u1)", container: c)'],
    [
      undefined,
      "www",
      'container has runAsNonRoot and image has non-numeric user (www), cannot verify user is non-root (pod: "web_default(u1)", container: c)',
    ],
    [0, "5", `container's runAsUser breaks non-root policy (pod: "web_default(u1)", container: c)`],
  ])("user %s, image %s", (runAsUser, imageUser, message) => {
    const own = { runAsNonRoot: true, ...(runAsUser === undefined ? {} : { runAsUser }) };
    expect(() => verifyRunAsNonRoot(pod(), { name: "c", securityContext: own }, imageUser)).toThrow(message);
  });

  test("a numeric user passes", () => {
    expect(() =>
      verifyRunAsNonRoot(pod({ securityContext: { runAsNonRoot: true } }), { name: "c" }, "33:33"),
    ).not.toThrow();
  });
});

describe("environment", () => {
  const objects: Record<string, unknown> = {
    "configmaps/cm": { data: { A: "1", "b c": "2" } },
    "secrets/s": { data: { P: Buffer.from("pw").toString("base64") } },
  };
  const store = { get: ({ resource, name }: { resource: string; name: string }) => objects[`${resource}/${name}`] };
  const inputs = {
    store: store as unknown as Parameters<typeof resolveEnvironment>[2]["store"],
    fields: { nodeName: "n", hostIp: "192.0.2.1", podIps: ["10.0.0.9"] },
    allocatable: { cpu: "4" },
    apiServer: undefined,
  };

  test("envFrom first, env over it, values expanded by what came before", () => {
    const env = resolveEnvironment(
      pod(),
      {
        name: "c",
        envFrom: [{ prefix: "X_", configMapRef: { name: "cm" } }, { secretRef: { name: "s" } }],
        env: [
          { name: "URL", value: "http://$(P)@$(IP) $$(P) $(NO)" },
          { name: "IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          { name: "URL2", value: "$(IP)" },
          { name: "P", value: "over" },
          { name: "K", valueFrom: { configMapKeyRef: { name: "cm", key: "A" } } },
          { name: "CPUS", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
          { name: "O", valueFrom: { secretKeyRef: { name: "none", key: "A", optional: true } } },
        ],
      },
      inputs,
    );
    expect(Object.fromEntries(env)).toEqual({
      X_A: "1",
      "X_b c": "2",
      P: "over",
      URL: "http://pw@$(IP) $(P) $(NO)",
      IP: "10.0.0.9",
      URL2: "10.0.0.9",
      K: "1",
      CPUS: "4",
    });
  });

  test("where the API is comes last, can be referred to, and gives way to what the Pod says itself", () => {
    const env = [
      { name: "API", value: "https://$(KUBERNETES_SERVICE_HOST):$(KUBERNETES_SERVICE_PORT)" },
      { name: "KUBERNETES_PORT", value: "mine" },
    ];
    const apiServer = { host: "10.112.0.1", port: 6443 };
    expect(resolveEnvironment(pod(), { name: "c", env }, { ...inputs, apiServer })).toEqual([
      ["API", "https://10.112.0.1:6443"],
      ["KUBERNETES_PORT", "mine"],
      ["KUBERNETES_SERVICE_HOST", "10.112.0.1"],
      ["KUBERNETES_SERVICE_PORT", "6443"],
      ["KUBERNETES_SERVICE_PORT_HTTPS", "6443"],
      ["KUBERNETES_PORT_6443_TCP", "tcp://10.112.0.1:6443"],
      ["KUBERNETES_PORT_6443_TCP_PROTO", "tcp"],
      ["KUBERNETES_PORT_6443_TCP_PORT", "6443"],
      ["KUBERNETES_PORT_6443_TCP_ADDR", "10.112.0.1"],
    ]);
  });

  test.each([
    [{ configMapKeyRef: { name: "no", key: "k" } }, 'configmap "no" not found'],
    [{ secretKeyRef: { name: "no", key: "k" } }, 'secret "no" not found'],
    [{ configMapKeyRef: { name: "cm", key: "k" } }, "couldn't find key k in ConfigMap default/cm"],
    [{ secretKeyRef: { name: "s", key: "k" } }, "couldn't find key k in Secret default/s"],
  ])("%j", (valueFrom, message) => {
    const container = { name: "c", env: [{ name: "E", valueFrom }] };
    expect(() => resolveEnvironment(pod(), container, inputs)).toThrow(
      expect.objectContaining({ message, reason: "CreateContainerConfigError" }),
    );
  });
});

describe("files", () => {
  test("hosts", () => {
    const subject = pod({ hostAliases: [{ ip: "1.2.3.4", hostnames: ["a", "b"] }] });
    const text = hostsFile(subject, ["10.0.0.9"], () => "");
    expect(text).toMatch(/^# Kubernetes-managed hosts file\.\n127\.0\.0\.1\tlocalhost\n/);
    expect(text).toContain("10.0.0.9\tweb\n\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n");
    expect(hostsFile(pod({ hostNetwork: true }), [], () => "HOST\n")).toBe(
      "# Kubernetes-managed hosts file (host network).\nHOST\n",
    );
  });

  test("resolv.conf", () => {
    const host = (): string => "nameserver 9.9.9.9\nsearch home\noptions ndots:1 rotate\n";
    expect(dnsOf(pod(), host)).toBeUndefined();
    expect(dnsOf(pod(), () => "nameserver 192.0.2.9\n", { always: true })).toEqual({
      servers: ["192.0.2.9"],
      searches: [],
      options: [],
    });
    const dnsConfig = { nameservers: ["1.1.1.1"], searches: ["x"], options: [{ name: "ndots", value: "5" }] };
    expect(dnsOf(pod({ dnsConfig }), host)).toEqual({
      servers: ["9.9.9.9", "1.1.1.1"],
      searches: ["home", "x"],
      options: ["rotate", "ndots:5"],
    });
    expect(dnsOf(pod({ dnsPolicy: "None", dnsConfig }), host)).toEqual({
      servers: ["1.1.1.1"],
      searches: ["x"],
      options: ["ndots:5"],
    });
  });

  test("the end of a log: the last 80 lines, 2048 bytes at most", () => {
    const line = (text: string, tag = "F"): string => `2026-11-23T12:00:00.000000000Z stderr ${tag} ${text}\n`;
    expect(logTail(line("par", "P") + line("tial") + line("end"))).toBe("partial\nend\n");
    const many = Array.from({ length: 100 }, (_, index) => line(String(index))).join("");
    expect(logTail(many).split("\n")).toHaveLength(81);
    expect(logTail(line("x".repeat(5000)))).toHaveLength(2048);
  });
});
