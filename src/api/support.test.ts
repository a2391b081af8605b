import { describe, expect, test } from "vitest";
import { withDefaults } from "./defaults.ts";
import { SCHEMA } from "./gen/schema.ts";
import type { Pod, PodSpec } from "./gen/types.ts";
import type { SchemaField } from "./schema.ts";
import { SUPPORT, unsupportedFields } from "./support.ts";

/** The fields below a spec, until a rule without a condition covers them. */
function uncovered(field: SchemaField, path: string): string[] {
  const covered = SUPPORT.some((rule) => rule.path === path && !rule.when);
  if (covered) return [];
  if (field.type === "array") return uncovered(field.items!, `${path}[*]`);
  const definition = field.ref === undefined ? undefined : SCHEMA[field.ref];
  if (!definition?.fields) return [path];
  return Object.entries(definition.fields).flatMap(([key, below]) => uncovered(below, `${path}.${key}`));
}

test("every field of a Pod's spec has a rule", () => {
  expect(uncovered({ ref: "core.v1.PodSpec" }, "spec")).toEqual([]);
});

test("what is warned about or refused says why", () => {
  const silent = SUPPORT.filter(({ effect, message }) => ["warn", "refuse"].includes(effect) && !message);
  expect(silent).toEqual([]);
});

const CONTAINER = { name: "c", image: "i" };
const check = (spec: Partial<PodSpec>): string[] => {
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec: { containers: [CONTAINER], ...spec } };
  const found = unsupportedFields(withDefaults(pod as Pod));
  return found.map(({ effect, path }) => `${effect} ${path}`);
};

describe("unsupportedFields", () => {
  test.each<[Partial<PodSpec>, string[]]>([
    [{}, []],
    [{ volumes: [{ name: "a" }, { name: "b", configMap: { name: "m" } }], hostUsers: true }, []],
    [
      { containers: [{ ...CONTAINER, livenessProbe: { exec: { command: ["x"] } } }] },
      ["warn spec.containers[0].livenessProbe"],
    ],
    [
      { initContainers: [{ name: "i", image: "i", restartPolicy: "Always" }] },
      ["refuse spec.initContainers[0].restartPolicy"],
    ],
    [
      {
        containers: [{ ...CONTAINER, resources: { limits: { cpu: "1", "ephemeral-storage": "1Gi", "a.b/gpu": "1" } } }],
      },
      [
        "warn spec.containers[0].resources.limits[ephemeral-storage]",
        "refuse spec.containers[0].resources.limits[a.b/gpu]",
        "warn spec.containers[0].resources.requests[ephemeral-storage]",
        "refuse spec.containers[0].resources.requests[a.b/gpu]",
      ],
    ],
    [
      {
        containers: [
          CONTAINER,
          { ...CONTAINER, env: [{ name: "A", valueFrom: { fileKeyRef: { volumeName: "v", path: "p", key: "k" } } }] },
        ],
      },
      ["refuse spec.containers[1].env[0].valueFrom.fileKeyRef"],
    ],
    [{ volumes: [{ name: "v", emptyDir: { sizeLimit: "1Gi" } }] }, ["warn spec.volumes[0].emptyDir.sizeLimit"]],
    [{ volumes: [{ name: "v", emptyDir: { sizeLimit: "1Gi", medium: "Memory" } }] }, []],
    [{ volumes: [{ name: "v", emptyDir: { medium: "HugePages" } }] }, ["refuse spec.volumes[0].emptyDir.medium"]],
    [{ volumes: [{ name: "v", nfs: { server: "s", path: "/" } }] }, ["refuse spec.volumes[0].nfs"]],
    [{ automountServiceAccountToken: false }, []],
    [{ hostUsers: false, setHostnameAsFQDN: false }, ["refuse spec.hostUsers"]],
    [
      {
        containers: [
          {
            ...CONTAINER,
            securityContext: { procMount: "Default" },
            volumeMounts: [{ name: "v", mountPath: "/v", recursiveReadOnly: "Enabled" }],
          },
        ],
      },
      ["refuse spec.containers[0].volumeMounts[0].recursiveReadOnly"],
    ],
    [{ readinessGates: [], subdomain: "s", imagePullSecrets: [{ name: "s" }] }, ["warn spec.subdomain"]],
    [{ runtimeClassName: "gvisor", resourceClaims: [] }, []],
  ])("%j", (spec, expected) => expect(check(spec).sort()).toEqual([...expected].sort()));
});
