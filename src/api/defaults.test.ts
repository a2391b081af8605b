import { describe, expect, test } from "vitest";
import { frozenJson } from "./freeze.ts";
import { withDefaults } from "./defaults.ts";
import type { Container, Pod, PodSpec, Volume } from "./gen/types.ts";
import type { KubeObject } from "./object.ts";

const pod = (spec: Partial<PodSpec>): Pod =>
  withDefaults(
    frozenJson({ apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec: { containers: [], ...spec } } as Pod),
  );
const container = (fields: Partial<Container>, spec: Partial<PodSpec> = {}): Container =>
  pod({ ...spec, containers: [{ name: "c", ...fields }] }).spec!.containers[0]!;
const volume = (fields: Partial<Volume>): Volume => pod({ volumes: [{ name: "v", ...fields }] }).spec!.volumes![0]!;

test("a minimal Pod gets what the API server fills in", () => {
  expect(pod({ containers: [{ name: "c", image: "nginx" }] }).spec).toEqual({
    containers: [
      {
        name: "c",
        image: "nginx",
        imagePullPolicy: "Always",
        resources: {},
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
      },
    ],
    restartPolicy: "Always",
    dnsPolicy: "ClusterFirst",
    securityContext: {},
    terminationGracePeriodSeconds: 30,
    schedulerName: "default-scheduler",
    enableServiceLinks: true,
  });
});

test("defaults are a fixed point, and keep what is set", () => {
  const once = pod({ restartPolicy: "Never", terminationGracePeriodSeconds: 0, enableServiceLinks: false });
  expect(once.spec).toMatchObject({
    restartPolicy: "Never",
    terminationGracePeriodSeconds: 0,
    enableServiceLinks: false,
  });
  expect(withDefaults(once)).toEqual(once);
  expect(pod({ serviceAccount: "a" }).spec).toMatchObject({ serviceAccountName: "a", serviceAccount: "a" });
});

describe("containers", () => {
  test.each([
    ["nginx:latest", "Always"],
    ["nginx:1.22", "IfNotPresent"],
    ["localhost:5000/nginx", "Always"],
    ["localhost:5000/nginx:1", "IfNotPresent"],
    ["nginx@sha256:abc", "IfNotPresent"],
    ["nginx:latest@sha256:abc", "Always"],
  ])("%s is pulled %s", (image, policy) => expect(container({ image }).imagePullPolicy).toBe(policy));

  test("a limit is also the request, in canonical form", () => {
    const { resources } = container({
      resources: { limits: { cpu: "0.5", memory: "1024Mi" }, requests: { cpu: "100u" } },
    });
    expect(resources).toEqual({ limits: { cpu: "500m", memory: "1Gi" }, requests: { cpu: "1m", memory: "1Gi" } });
  });

  test("ports, probes, references", () => {
    const ports = [{ containerPort: 80 }];
    expect(container({ ports }).ports).toEqual([{ containerPort: 80, protocol: "TCP" }]);
    expect(container({ ports }, { hostNetwork: true }).ports).toEqual([
      { containerPort: 80, hostPort: 80, protocol: "TCP" },
    ]);
    expect(container({ livenessProbe: { httpGet: { port: 80 } } }).livenessProbe).toEqual({
      httpGet: { port: 80, path: "/", scheme: "HTTP" },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    });
    const env = [{ name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }];
    expect(container({ env }).env![0]!.valueFrom!.fieldRef!.apiVersion).toBe("v1");
  });
});

test.each([
  [{}, { emptyDir: {} }],
  [{ hostPath: { path: "/x" } }, { hostPath: { path: "/x", type: "" } }],
  [{ configMap: { name: "a" } }, { configMap: { name: "a", defaultMode: 0o644 } }],
  [{ secret: { secretName: "a", defaultMode: 0o400 } }, { secret: { secretName: "a", defaultMode: 0o400 } }],
])("volume %j", (fields, expected) => expect(volume(fields)).toEqual({ name: "v", ...expected }));

test("other kinds", () => {
  const meta = { apiVersion: "v1", metadata: { name: "x" } };
  expect(withDefaults({ ...meta, kind: "Secret", stringData: { a: "ü" }, data: { b: "eA==" } } as KubeObject)).toEqual({
    ...meta,
    kind: "Secret",
    type: "Opaque",
    data: { a: "w7w=", b: "eA==" },
  });
  expect(withDefaults({ ...meta, kind: "Namespace" } as KubeObject)).toEqual({
    ...meta,
    kind: "Namespace",
    metadata: { name: "x", labels: { "kubernetes.io/metadata.name": "x" } },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  });
});

describe("limit ranges", () => {
  const limits = (item: object): object =>
    withDefaults({
      apiVersion: "v1",
      kind: "LimitRange",
      metadata: { name: "x" },
      spec: { limits: [item] },
    } as KubeObject)["spec"] as object;

  test("a container's default follows from the most and the least that is allowed", () => {
    expect(limits({ type: "Container", max: { cpu: "1", memory: "1024Mi" }, min: { cpu: "0.1" } })).toEqual({
      limits: [
        {
          type: "Container",
          max: { cpu: "1", memory: "1Gi" },
          min: { cpu: "100m" },
          default: { cpu: "1", memory: "1Gi" },
          defaultRequest: { cpu: "1", memory: "1Gi" },
        },
      ],
    });
    expect(
      limits({ type: "Container", default: { cpu: "2" }, defaultRequest: { cpu: "1" }, min: { memory: "1" } }),
    ).toEqual({
      limits: [
        {
          type: "Container",
          min: { memory: "1" },
          default: { cpu: "2" },
          defaultRequest: { cpu: "1", memory: "1" },
        },
      ],
    });
  });

  test("a Pod has none", () =>
    expect(limits({ type: "Pod", max: { cpu: "1" } })).toEqual({ limits: [{ type: "Pod", max: { cpu: "1" } }] }));
});
