/**
 * The node's options: one table, from which the flags of `minke serve`, the environment variables, the documentation and
 * the type derive. A flag wins over the environment, the environment over the default.
 */
import * as v from "valibot";

import { parseGoDuration } from "../base/duration.ts";
import { MinkeError } from "../base/errors.ts";
import { CGROUP_DRIVERS } from "../host/cgroup/driver.ts";
import { DEFAULT_INSTANCE } from "../host/instance.ts";
import { VERIFICATION_POLICIES } from "../runtime/image.ts";
import { parseListenAddress } from "./listen-address.ts";

/** One option. */
interface OptionRow {
  /** Without the dashes. */
  readonly flag: string;
  readonly env: string;
  /** What stands for the value in help texts; absent for a switch. */
  readonly placeholder?: string;
  /** The default in words for help texts. */
  readonly defaultText: string;
  readonly doc: string;
  /** Between the values of an option that takes several. */
  readonly separator?: string;
  readonly schema: v.GenericSchema;
}

/** Names of handlers are DNS labels and subdomains (Kubernetes: RuntimeClass.handler). */
const HANDLER = /^([a-z0-9][a-z0-9.-]*)=(.+)$/;
const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const path = v.pipe(v.string(), v.nonEmpty("must not be empty"));
const name = v.pipe(
  v.string(),
  v.regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, "must be lower-case letters, digits, '-' and '.'"),
);

const listen = v.pipe(
  v.string(),
  v.check(
    (text) => text === "auto" || text === "off" || parseListenAddress(text) !== undefined,
    "must be an IP address and a port (127.0.0.1:6443, [::1]:6443), auto, or off",
  ),
);

const criSocket = v.pipe(
  v.string(),
  v.check(
    (text) => text === "auto" || text === "off" || text.startsWith("/"),
    "must be an absolute path, auto, or off",
  ),
);

const WHOLE_PERCENT = "must be a whole number from 0 to 100";
const percent = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^\d{1,3}$/), v.transform(Number))], WHOLE_PERCENT),
  v.check((value) => Number.isInteger(value) && value >= 0 && value <= 100, WHOLE_PERCENT),
);
const duration = v.union(
  [
    v.number(),
    v.pipe(
      v.string(),
      v.check((text) => (parseGoDuration(text) ?? -1) >= 0),
      v.transform((text) => parseGoDuration(text)!),
    ),
  ],
  "must be a duration that is not negative, such as 30m or 1h0m0s",
);
/** The kubelet's. */
export const IMAGE_GC_DEFAULTS = { highPercent: 85, lowPercent: 80, maxAgeMs: 0, minAgeMs: 120_000 } as const;

export const DEFAULT_REGISTRIES_DIR = "/etc/minke/certs.d";

/** The table. Its keys are the names of the options in code. */
export const NODE_OPTIONS = {
  instance: {
    flag: "instance",
    env: "MINKE_INSTANCE",
    placeholder: "NAME",
    defaultText: DEFAULT_INSTANCE,
    doc: "Name of this node on the machine; every name on the host derives from it, so several can run side by side.",
    schema: path,
  },
  root: {
    flag: "root",
    env: "MINKE_ROOT",
    placeholder: "DIR",
    defaultText: "/var/lib/minke, or /var/lib/minke-NAME",
    doc: "What lasts: the store, images, writable layers, volumes.",
    schema: path,
  },
  state: {
    flag: "state",
    env: "MINKE_STATE",
    placeholder: "DIR",
    defaultText: "/run/minke, or /run/minke-NAME",
    doc: "What a reboot clears, and the API's socket api.sock.",
    schema: path,
  },
  logs: {
    flag: "logs",
    env: "MINKE_LOGS",
    placeholder: "DIR",
    defaultText: "/var/log for the default instance and root, else ROOT/log",
    doc: "Parent of pods/ and containers/, where the containers' logs are.",
    schema: path,
  },
  listen: {
    flag: "listen",
    env: "MINKE_LISTEN",
    placeholder: "ADDRESS:PORT",
    defaultText:
      "auto: 127.0.0.1:6443, for another instance a port of its own from 20000 on, and any free port when that is taken; off for an embedded node",
    doc: "Where the API is served over HTTPS, besides the socket and the address that only Pods reach; off for nowhere. STATE/api.json tells the addresses.",
    schema: listen,
  },
  criSocket: {
    flag: "cri-socket",
    env: "MINKE_CRI_SOCKET",
    placeholder: "PATH",
    defaultText: "auto: STATE/cri.sock; off for an embedded node",
    doc: "Where the Container Runtime Interface is served, for a kubelet or crictl; off for nowhere.",
    schema: criSocket,
  },
  nodeName: {
    flag: "node-name",
    env: "MINKE_NODE_NAME",
    placeholder: "NAME",
    defaultText: "the host's name",
    doc: "Name of the Node object, and of every Pod's spec.nodeName.",
    schema: name,
  },
  cniConfDir: {
    flag: "cni-conf-dir",
    env: "MINKE_CNI_CONF_DIR",
    placeholder: "DIR",
    defaultText: "none: an embedded bridge network",
    doc: "Directory with CNI configurations to use instead of the embedded network.",
    schema: path,
  },
  cniBinDirs: {
    flag: "cni-bin-dirs",
    env: "MINKE_CNI_BIN_DIRS",
    placeholder: "DIR:DIR",
    defaultText: "/opt/cni/bin:/usr/lib/cni",
    doc: "Where CNI plugins are looked for, in order.",
    separator: ":",
    schema: v.pipe(v.array(path), v.minLength(1, "must name a directory")),
  },
  registriesDir: {
    flag: "registries-dir",
    env: "MINKE_REGISTRIES_DIR",
    placeholder: "DIR",
    defaultText: DEFAULT_REGISTRIES_DIR,
    doc: "Registries' settings: mirrors, authorities, clients' certificates, in REGISTRY/hosts.toml as containerd has it.",
    schema: path,
  },
  imagePolicy: {
    flag: "image-policy",
    env: "MINKE_IMAGE_POLICY",
    placeholder: "FILE",
    defaultText: "none: all",
    doc: "Which images may be pulled, by their signatures: a file in the form of containers-policy.json; see docs/registries.md.",
    schema: path,
  },
  imagePullCredentialsVerificationPolicy: {
    flag: "image-pull-credentials-verification-policy",
    env: "MINKE_IMAGE_PULL_CREDENTIALS_VERIFICATION_POLICY",
    placeholder: "POLICY",
    defaultText: "NeverVerifyPreloadedImages",
    doc: `For which images that are here a Pod needs credentials of its own, as in the kubelet: ${VERIFICATION_POLICIES.join(", ")}.`,
    schema: v.picklist(VERIFICATION_POLICIES, `must be one of ${VERIFICATION_POLICIES.join(", ")}`),
  },
  preloadedImagesVerificationAllowlist: {
    flag: "preloaded-images-verification-allowlist",
    env: "MINKE_PRELOADED_IMAGES_VERIFICATION_ALLOWLIST",
    placeholder: "REPOSITORY,PREFIX/*",
    defaultText: "none",
    doc: "With NeverVerifyAllowlistedImages: whose images are for every Pod when no Pod has pulled them.",
    separator: ",",
    schema: v.array(path),
  },
  imageGcHighThreshold: {
    flag: "image-gc-high-threshold",
    env: "MINKE_IMAGE_GC_HIGH_THRESHOLD",
    placeholder: "PERCENT",
    defaultText: String(IMAGE_GC_DEFAULTS.highPercent),
    doc: "How full the disk may be before images that nothing uses are removed, the longest unused first; 100 for never.",
    schema: percent,
  },
  imageGcLowThreshold: {
    flag: "image-gc-low-threshold",
    env: "MINKE_IMAGE_GC_LOW_THRESHOLD",
    placeholder: "PERCENT",
    defaultText: String(IMAGE_GC_DEFAULTS.lowPercent),
    doc: "How full the disk may still be when the removal of images ends.",
    schema: percent,
  },
  imageMaximumGcAge: {
    flag: "image-maximum-gc-age",
    env: "MINKE_IMAGE_MAXIMUM_GC_AGE",
    placeholder: "DURATION",
    defaultText: "0: never",
    doc: "How long an image of a registry may be unused, since this daemon began, before it is removed, whatever the disk has.",
    schema: duration,
  },
  minimumImageTtlDuration: {
    flag: "minimum-image-ttl-duration",
    env: "MINKE_MINIMUM_IMAGE_TTL_DURATION",
    placeholder: "DURATION",
    defaultText: "2m",
    doc: "How long an image that came or was used is left alone, however full the disk is.",
    schema: duration,
  },
  cgroupDriver: {
    flag: "cgroup-driver",
    env: "MINKE_CGROUP_DRIVER",
    placeholder: "DRIVER",
    defaultText: "cgroupfs",
    doc: "Who makes the cgroups of Pods: cgroupfs (Minke), systemd (as slices and scopes; cgroup v2), or auto for systemd where it can. A kubelet needs the same.",
    schema: v.picklist([...CGROUP_DRIVERS, "auto"], `must be one of ${CGROUP_DRIVERS.join(", ")}, auto`),
  },
  crun: {
    flag: "crun",
    env: "MINKE_CRUN",
    placeholder: "PROGRAM",
    defaultText: "crun from the PATH",
    doc: "The OCI runtime.",
    schema: path,
  },
  runtime: {
    flag: "runtime",
    env: "MINKE_RUNTIME",
    placeholder: "NAME=PROGRAM,NAME=PROGRAM",
    defaultText: "none but crun",
    doc: "Other OCI runtimes with runc's command line, by the name of the handler that a sandbox asks for.",
    separator: ",",
    schema: v.array(
      v.pipe(v.string(), v.regex(HANDLER, "must be NAME=PROGRAM, the name of lower-case letters, digits, '-' and '.'")),
    ),
  },
  conmon: {
    flag: "conmon",
    env: "MINKE_CONMON",
    placeholder: "PROGRAM",
    defaultText: "conmon from the PATH",
    doc: "The monitor of each container.",
    schema: path,
  },
  perl: {
    flag: "perl",
    env: "MINKE_PERL",
    placeholder: "PROGRAM",
    defaultText: "perl from the PATH",
    doc: "Runs the agent that makes system calls.",
    schema: path,
  },
  logLevel: {
    flag: "log-level",
    env: "MINKE_LOG_LEVEL",
    placeholder: "LEVEL",
    defaultText: "info",
    doc: `How much the daemon writes to standard error: ${LOG_LEVELS.join(", ")}.`,
    schema: v.picklist(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(", ")}`),
  },
  eventTtl: {
    flag: "event-ttl",
    env: "MINKE_EVENT_TTL",
    placeholder: "DURATION",
    defaultText: "1h0m0s",
    doc: "How long Events are kept after they were last written; 0 for ever.",
    schema: duration,
  },
  auditLog: {
    flag: "audit-log",
    env: "MINKE_AUDIT_LOG",
    placeholder: "FILE",
    defaultText: "none",
    doc: "Where each request to the API is noted down, as Kubernetes' audit log at the level Metadata; - for standard output.",
    schema: path,
  },
  trace: {
    flag: "trace",
    env: "MINKE_TRACE",
    defaultText: "off",
    doc: "Keep which step of each Pod's start took how long.",
    schema: v.boolean(),
  },
} as const satisfies Record<string, OptionRow>;

export type NodeOptionName = keyof typeof NODE_OPTIONS;

/** Every option, none required. */
export type NodeOptions = {
  readonly [Name in NodeOptionName]?: v.InferOutput<(typeof NODE_OPTIONS)[Name]["schema"]>;
};

/** Checks options that come from outside the type system. Rejects with `InvalidArgument`, naming the option and its value. */
export function parseNodeOptions(options: Readonly<Record<string, unknown>>): NodeOptions {
  const parsed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const row: OptionRow | undefined = Object.hasOwn(NODE_OPTIONS, key)
      ? NODE_OPTIONS[key as NodeOptionName]
      : undefined;
    if (!row) {
      const known = Object.keys(NODE_OPTIONS).join(", ");
      throw new MinkeError(
        "InvalidArgument",
        `Cannot use option "${key}": there is none of that name; known are ${known}`,
      );
    }
    const result = v.safeParse(row.schema, value);
    if (!result.success) {
      throw new MinkeError(
        "InvalidArgument",
        `Cannot use --${row.flag} ${JSON.stringify(value)}: ${result.issues[0].message}`,
        { details: { option: key, value } },
      );
    }
    parsed[key] = result.output;
  }
  return parsed as NodeOptions;
}

/** The options that environment variables set; `given` (the flags) win. */
export function nodeOptionsFrom(
  given: NodeOptions,
  env: Readonly<Record<string, string | undefined>> = process.env,
): NodeOptions {
  const options: Record<string, unknown> = {};
  for (const [key, row] of Object.entries(NODE_OPTIONS)) {
    const text = env[row.env];
    if (text !== undefined && text !== "") options[key] = fromText(row, text);
  }
  const flags = Object.entries(given).filter(([, value]) => value !== undefined);
  return parseNodeOptions({ ...options, ...Object.fromEntries(flags) });
}

/** The values of an option that takes several, out of one text. */
export function listFrom(text: string, { separator = "," }: Pick<OptionRow, "separator">): readonly string[] {
  return text.split(separator).filter((part) => part !== "");
}

/** The programs of {@link NODE_OPTIONS.runtime} by their handlers' names. */
export function handlersOf({ runtime = [] }: NodeOptions): Readonly<Record<string, string>> {
  return Object.fromEntries(runtime.map((text) => HANDLER.exec(text)!.slice(1, 3) as [string, string]));
}

function fromText(row: OptionRow, text: string): unknown {
  switch (row.schema.type) {
    case "boolean":
      return text === "1" || text.toLowerCase() === "true"
        ? true
        : text === "0" || text.toLowerCase() === "false"
          ? false
          : text;
    case "array":
      return listFrom(text, row);
    default:
      return text;
  }
}
