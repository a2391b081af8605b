import { describe, expect, test } from "vitest";
import { withDefaults } from "./defaults.ts";
import { fieldErrorText } from "./field-error.ts";
import type { Container, Pod, PodSpec, Volume } from "./gen/types.ts";
import type { KubeObject } from "./object.ts";
import { validate, validateUpdate } from "./validate.ts";

const CONTAINER: Container = { name: "c", image: "i" };
const pod = (spec: Partial<PodSpec>, metadata: object = {}): Pod =>
  withDefaults({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "x", namespace: "default", ...metadata },
    spec: { containers: [CONTAINER], ...spec },
  } as Pod);
const texts = (object: KubeObject): string[] => validate(object).map(fieldErrorText);
const ofSpec = (spec: Partial<PodSpec>): string[] => texts(pod(spec));
const ofContainer = (fields: Partial<Container>, spec: Partial<PodSpec> = {}): string[] =>
  ofSpec({ ...spec, containers: [{ ...CONTAINER, ...fields }] });
const ofVolume = (fields: Partial<Volume>): string[] => ofSpec({ volumes: [{ name: "v", ...fields }] });

/** Each finding begins as its row says, and there is no other. */
function expectTexts(actual: readonly string[], expected: readonly string[]): void {
  expect(actual.map((text, index) => text.slice(0, expected[index]?.length))).toEqual(expected);
}

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

test("a Pod that uses what there is to use has no fault", () => {
  const spec: Partial<PodSpec> = {
    initContainers: [{ name: "init", image: "i", command: ["true"] }],
    containers: [
      {
        ...CONTAINER,
        env: [
          { name: "A.b-c", value: "1" },
          { name: "B", valueFrom: { fieldRef: { fieldPath: "metadata.labels['a.b/c']" } } },
          { name: "C", valueFrom: { configMapKeyRef: { name: "m", key: "k.txt" } } },
        ],
        envFrom: [{ prefix: "P_", secretRef: { name: "s" } }],
        ports: [
          { name: "http", containerPort: 80, hostPort: 8080 },
          { containerPort: 80, protocol: "UDP" },
        ],
        resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "1" } },
        volumeMounts: [{ name: "v", mountPath: "/v", subPath: "a/b", readOnly: true }],
        livenessProbe: { httpGet: { port: "http" } },
        securityContext: {
          runAsUser: 1000,
          capabilities: { drop: ["ALL"] },
          seccompProfile: { type: "RuntimeDefault" },
        },
      },
    ],
    volumes: [
      { name: "v", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      { name: "h", hostPath: { path: "/tmp" } },
    ],
    dnsPolicy: "None",
    dnsConfig: { nameservers: ["1.1.1.1", "2001:db8::1"], searches: ["a_b.c."] },
    hostAliases: [{ ip: "10.0.0.1", hostnames: ["a.b"] }],
    securityContext: { sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }] },
  };
  expect(ofSpec(spec)).toEqual([]);
});

describe("metadata", () => {
  test.each([
    [{ name: "" }, ["metadata.name: Required value: name or generateName is required"]],
    [{ name: "A" }, [`metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain must consist`]],
    [{ name: "x".repeat(254) }, [`metadata.name: Invalid value: "${"x".repeat(254)}": must be no more than 253 bytes`]],
    [{ name: "x", generateName: "x-" }, []],
    [{ name: "x", generateName: "X-" }, ['metadata.generateName: Invalid value: "X-"']],
    [{ namespace: "a.b" }, ['metadata.namespace: Invalid value: "a.b": must not contain dots']],
    [{ labels: { "a/b/c": "1" } }, ['metadata.labels: Invalid value: "a/b/c": a qualified name must consist']],
    [{ labels: { "/b": "1" } }, ['metadata.labels: Invalid value: "/b": prefix part must be non-empty']],
    [{ labels: { a: "-" } }, ['metadata.labels: Invalid value: "-": a valid label must be an empty string or consist']],
    [{ annotations: { "a b": "1" } }, ['metadata.annotations: Invalid value: "a b": name part must consist of']],
    [
      { annotations: { a: "x".repeat(262_144) } },
      ["metadata.annotations: Too long: may not be more than 262144 bytes"],
    ],
  ])("%j", (metadata, expected) => expectTexts(texts(pod({}, metadata)), expected));
});

describe("containers", () => {
  test.each<[Partial<Container>, string[]]>([
    [{ name: "" }, ["spec.containers[0].name: Required value"]],
    [{ name: "A_b" }, [`spec.containers[0].name: Invalid value: "A_b": ${LABEL}`]],
    [{ image: "" }, ["spec.containers[0].image: Required value"]],
    [{ image: " i" }, ['spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace']],
    [
      { imagePullPolicy: "Sometimes" },
      [
        'spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
      ],
    ],
    [
      { ports: [{ containerPort: 70000 }] },
      ["spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"],
    ],
    [
      {
        resizePolicy: [
          { resourceName: "cpu", restartPolicy: "NotRequired" },
          { resourceName: "cpu", restartPolicy: "Sometimes" },
          { resourceName: "gpu", restartPolicy: "" },
        ],
      },
      [
        'spec.containers[0].resizePolicy[1]: Duplicate value: "cpu"',
        'spec.containers[0].resizePolicy: Unsupported value: "Sometimes": supported values: "NotRequired", "RestartContainer"',
        'spec.containers[0].resizePolicy: Unsupported value: "gpu": supported values: "cpu", "memory"',
        "spec.containers[0].resizePolicy: Required value",
      ],
    ],
    [{ ports: [{ containerPort: 0 }] }, ["spec.containers[0].ports[0].containerPort: Required value"]],
    [
      {
        ports: [
          { containerPort: 1, name: "a" },
          { containerPort: 2, name: "a" },
        ],
      },
      ['spec.containers[0].ports[1].name: Duplicate value: "a"'],
    ],
    [
      { ports: [{ containerPort: 1, name: "A--1" }] },
      [
        'spec.containers[0].ports[0].name: Invalid value: "A--1": must contain only alpha-numeric',
        'spec.containers[0].ports[0].name: Invalid value: "A--1": must contain at least one letter',
        'spec.containers[0].ports[0].name: Invalid value: "A--1": must not contain consecutive hyphens',
      ],
    ],
    [
      {
        ports: [
          { containerPort: 1, hostPort: 5 },
          { containerPort: 2, hostPort: 5 },
        ],
      },
      ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//5"'],
    ],
    [
      { ports: [{ containerPort: 1, protocol: "tcp" }] },
      ['spec.containers[0].ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"'],
    ],
    [{ env: [{ name: "" }] }, ["spec.containers[0].env[0].name: Required value"]],
    [
      { env: [{ name: "A=B" }] },
      [
        'spec.containers[0].env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than',
      ],
    ],
    [
      { env: [{ name: "A", valueFrom: {} }] },
      ['spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of'],
    ],
    [
      { env: [{ name: "A", value: "x", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }] },
      ['spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
    ],
    [
      { env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "spec.containers" } } }] },
      [
        'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "spec.containers": supported values: "metadata.name"',
      ],
    ],
    [
      { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "a/b" } } }] },
      ['spec.containers[0].env[0].valueFrom.secretKeyRef.key: Invalid value: "a/b": a valid config key must'],
    ],
    [
      { envFrom: [{}] },
      ['spec.containers[0].envFrom[0]: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
    ],
    [
      { resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } },
      ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ],
    [
      { resources: { limits: { memory: "-1" } } },
      [
        'spec.containers[0].resources.limits[memory]: Invalid value: "-1": must be greater than or equal to 0',
        'spec.containers[0].resources.requests[memory]: Invalid value: "-1"',
      ],
    ],
    [
      { resources: { limits: { gpu: "1" } } },
      [
        'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource type',
        'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for',
        "spec.containers[0].resources.requests[gpu]",
        "spec.containers[0].resources.requests[gpu]",
      ],
    ],
    [{ volumeMounts: [{ name: "w", mountPath: "/w" }] }, ['spec.containers[0].volumeMounts[0].name: Not found: "w"']],
    [{ livenessProbe: {} }, ["spec.containers[0].livenessProbe: Required value: must specify a handler type"]],
    [
      { livenessProbe: { exec: { command: ["x"] }, successThreshold: 2 } },
      ["spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"],
    ],
    [
      { readinessProbe: { tcpSocket: { port: 0 }, httpGet: { port: 1 } } },
      ["spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
    ],
    [
      { lifecycle: { preStop: { sleep: { seconds: 60 } } } },
      [
        "spec.containers[0].lifecycle.preStop.sleep: Invalid value: 60: must be non-negative and less than terminationGracePeriodSeconds (30)",
      ],
    ],
    [
      { securityContext: { runAsUser: -1 } },
      ["spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive"],
    ],
    [
      { securityContext: { seccompProfile: { type: "Localhost" } } },
      [
        "spec.containers[0].securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost",
      ],
    ],
    [
      { securityContext: { allowPrivilegeEscalation: false, privileged: true } },
      ["spec.containers[0].securityContext: Invalid value: {"],
    ],
  ])("%j", (fields, expected) => expectTexts(ofContainer(fields), expected));

  test("have names of their own, init containers too", () => {
    expectTexts(ofSpec({ containers: [CONTAINER, CONTAINER] }), ['spec.containers[1].name: Duplicate value: "c"']);
    expectTexts(ofSpec({ initContainers: [CONTAINER] }), ['spec.initContainers[0].name: Duplicate value: "c"']);
    expectTexts(ofSpec({ containers: [] }), ["spec.containers: Required value"]);
    const init = { name: "i", image: "i", livenessProbe: { exec: { command: ["x"] } } };
    expectTexts(ofSpec({ initContainers: [init] }), [
      "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
    ]);
  });

  test("mounts", () => {
    const volumes = [{ name: "v" }];
    const mounted = (fields: object) =>
      ofContainer({ volumeMounts: [{ name: "v", mountPath: "/v", ...fields }] }, { volumes });
    expectTexts(mounted({ mountPath: "" }), ["spec.containers[0].volumeMounts[0].mountPath: Required value"]);
    expectTexts(mounted({ subPath: "/a/../b" }), [
      'spec.containers[0].volumeMounts[0].subPath: Invalid value: "/a/../b": must be a relative path',
      "spec.containers[0].volumeMounts[0].subPath: Invalid value: \"/a/../b\": must not contain '..'",
    ]);
    expectTexts(mounted({ mountPropagation: "Bidirectional" }), [
      "spec.containers[0].volumeMounts[0].mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers",
    ]);
    const twice = [
      { name: "v", mountPath: "/v" },
      { name: "v", mountPath: "/v" },
    ];
    expectTexts(ofContainer({ volumeMounts: twice }, { volumes }), [
      'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/v": must be unique',
    ]);
  });
});

describe("volumes", () => {
  test.each<[Partial<Volume>, string[]]>([
    [{ name: "" }, ["spec.volumes[0].name: Required value"]],
    [
      { emptyDir: {}, hostPath: { path: "/" } },
      ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
    ],
    [{ hostPath: { path: "" } }, ["spec.volumes[0].hostPath.path: Required value"]],
    [
      { hostPath: { path: "/a/../b" } },
      ["spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"],
    ],
    [
      { hostPath: { path: "/a", type: "Dir" } },
      [
        'spec.volumes[0].hostPath.type: Unsupported value: "Dir": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
      ],
    ],
    [{ configMap: {} }, ["spec.volumes[0].configMap.name: Required value"]],
    [
      { secret: { secretName: "s", defaultMode: 0o1000 } },
      [
        "spec.volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive",
      ],
    ],
    [
      { configMap: { name: "m", items: [{ key: "", path: "../x" }] } },
      [
        "spec.volumes[0].configMap.items[0].key: Required value",
        "spec.volumes[0].configMap.items[0].path: Invalid value: \"../x\": must not contain '..'",
      ],
    ],
    [{ emptyDir: { sizeLimit: "-1" } }, ["spec.volumes[0].emptyDir.sizeLimit: Forbidden"]],
  ])("%j", (fields, expected) => expectTexts(ofVolume(fields), expected));

  test("have names of their own", () => {
    expectTexts(ofSpec({ volumes: [{ name: "v" }, { name: "v" }] }), ['spec.volumes[1].name: Duplicate value: "v"']);
  });
});

describe("the Pod as a whole", () => {
  test.each<[Partial<PodSpec>, string[]]>([
    [
      { restartPolicy: "always" },
      ['spec.restartPolicy: Unsupported value: "always": supported values: "Always", "OnFailure", "Never"'],
    ],
    [{ dnsPolicy: "None" }, ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"]],
    [
      { dnsConfig: { nameservers: ["1.2.3"] } },
      [
        'spec.dnsConfig.nameservers[0]: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ],
    ],
    [
      { activeDeadlineSeconds: 0 },
      ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
    ],
    [{ hostname: "a.b" }, ['spec.hostname: Invalid value: "a.b": must not contain dots']],
    [{ nodeName: "A" }, ['spec.nodeName: Invalid value: "A"']],
    [
      { hostAliases: [{ ip: "x", hostnames: ["A"] }] },
      ["spec.hostAliases[0].ip: Invalid", "spec.hostAliases[0].hostnames[0]: Invalid"],
    ],
    [
      { shareProcessNamespace: true, hostPID: true },
      ["spec.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled"],
    ],
    [
      { tolerations: [{ operator: "Exists", value: "x" }] },
      ['spec.tolerations[0].operator: Invalid value: "x": value must be empty'],
    ],
    [
      { securityContext: { sysctls: [{ name: "A", value: "" }] } },
      ['spec.securityContext.sysctls[0].name: Invalid value: "A": must have at most 253 characters and match regex ^'],
    ],
    [{ securityContext: { fsGroup: 2 ** 31 } }, ["spec.securityContext.fsGroup: Invalid value: 2147483648"]],
    [
      { hostNetwork: true, containers: [{ ...CONTAINER, ports: [{ containerPort: 1, hostPort: 2 }] }] },
      ["spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true"],
    ],
  ])("%j", (spec, expected) => expectTexts(ofSpec(spec), expected));
});

describe("data", () => {
  const object = (kind: string, fields: object) => ({
    apiVersion: "v1",
    kind,
    metadata: { name: "x", namespace: "d" },
    ...fields,
  });
  test.each([
    [
      object("ConfigMap", { data: { "a b": "1" } }),
      ['data[a b]: Invalid value: "a b": a valid config key must consist'],
    ],
    [
      object("ConfigMap", { data: { a: "1" }, binaryData: { a: "eA==" } }),
      ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ],
    [object("ConfigMap", { data: { a: "x".repeat(1_048_577) } }), [": Too long: may not be more than 1048576 bytes"]],
    [object("Secret", { type: "kubernetes.io/tls", data: { "tls.crt": "" } }), ["data[tls.key]: Required value"]],
    [
      object("Secret", { type: "kubernetes.io/dockerconfigjson", data: { ".dockerconfigjson": "eA==" } }),
      ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>"'],
    ],
  ])("%#", (value, expected) => expectTexts(texts(value), expected));

  test("that is immutable stays", () => {
    const before = object("ConfigMap", { immutable: true, data: { a: "1" } });
    const errors = validateUpdate(object("ConfigMap", { data: { a: "2" } }), before).map(fieldErrorText);
    expect(errors).toEqual([
      "immutable: Forbidden: field is immutable when `immutable` is set",
      "data: Forbidden: field is immutable when `immutable` is set",
    ]);
  });
});

describe("updates of a Pod", () => {
  const before = pod({
    activeDeadlineSeconds: 10,
    terminationGracePeriodSeconds: -1,
    tolerations: [{ key: "b", operator: "Exists" }],
  });
  const errors = (spec: Partial<PodSpec>, metadata: object = {}): string[] =>
    validateUpdate(
      { ...before, metadata: { ...before.metadata, ...metadata }, spec: { ...before.spec!, ...spec } },
      before,
    ).map(fieldErrorText);
  const first = before.spec!.containers[0]!;

  test("may change these fields", () => {
    const tolerations = [...before.spec!.tolerations!, { key: "a", operator: "Exists" }];
    const spec = {
      containers: [{ ...first, image: "other" }],
      activeDeadlineSeconds: 5,
      terminationGracePeriodSeconds: 1,
      tolerations,
    };
    expect(errors(spec, { labels: { a: "b" } })).toEqual([]);
  });

  test.each<[Partial<PodSpec>, string]>([
    [
      { containers: [{ ...first, command: ["x"] }] },
      "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\nchanged: spec.containers[0].command",
    ],
    [
      { containers: [first, { ...first, name: "d" }] },
      "spec.containers: Forbidden: pod updates may not add or remove containers",
    ],
    [
      { activeDeadlineSeconds: 20 },
      "spec.activeDeadlineSeconds: Invalid value: 20: must be less than or equal to previous value",
    ],
    [
      { tolerations: [] },
      "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
    ],
    [{ hostNetwork: true }, "spec: Forbidden: pod updates may not change"],
  ])("may not change %j", (spec, expected) => expect(errors(spec)[0]).toContain(expected));

  test("may not change who it is", () => {
    expect(errors({}, { uid: "other" })).toEqual(['metadata.uid: Invalid value: "other": field is immutable']);
  });
});
