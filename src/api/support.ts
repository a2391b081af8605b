/**
 * What this node does with each field of a Pod: one table that says which fields are honoured, stored without effect,
 * warned about, or refused. A test holds it against the schema, so that no field is ignored in silence.
 */
import type { Pod } from "./gen/types.ts";
import { isRecord, type JsonRecord, own } from "./record.ts";
import { CONTAINER_RULES, POD_RULES } from "./support-rules.ts";

export type SupportEffect = "honoured" | "stored" | "warn" | "refuse";

export interface SupportRule {
  /** The field, with `[*]` for any index or key; what lies below it is included unless it has rules of its own. */
  readonly path: string;
  readonly effect: SupportEffect;
  /** Why, and what to do instead; for `warn` and `refuse`. */
  readonly message?: string;
  /** The rule is for some values only. */
  readonly when?: {
    readonly description: string;
    readonly test: (value: unknown, about: { readonly key: string; readonly parent: unknown }) => boolean;
  };
}

/** The machine-readable list. */
export const SUPPORT: readonly SupportRule[] = [
  ...POD_RULES,
  ...["spec.containers[*]", "spec.initContainers[*]", "spec.ephemeralContainers[*]"].flatMap((prefix) =>
    CONTAINER_RULES.map((rule) => ({ ...rule, path: `${prefix}.${rule.path}` })),
  ),
];

export interface UnsupportedField {
  /** Such as `spec.containers[0].livenessProbe`. */
  readonly path: string;
  readonly effect: "warn" | "refuse";
  readonly message: string;
}

/** The rules that have something to say, their paths taken apart. */
const WANTING = SUPPORT.flatMap(({ effect, path, ...rest }) =>
  effect === "warn" || effect === "refuse"
    ? [{ ...rest, effect, segments: path.replaceAll("[*]", ".[*]").split(".") }]
    : [],
);

/** The fields that a Pod sets and that are not, or not fully, honoured. */
export function unsupportedFields(pod: Pod): UnsupportedField[] {
  const found: UnsupportedField[] = [];
  for (const { effect, message = "", when, segments } of WANTING) {
    for (const { path, value, key, parent } of findAll(pod, segments)) {
      if (isSet(value) && (when?.test(value, { key, parent }) ?? true)) found.push({ path, effect, message });
    }
  }
  return found;
}

/** Empty lists and objects ask for nothing. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return false;
  return !Array.isArray(value) || value.length > 0;
}

interface Found {
  readonly path: string;
  readonly value: unknown;
  readonly key: string;
  readonly parent: unknown;
}

function* findAll(root: unknown, segments: readonly string[], path = "", parent?: unknown, key = ""): Generator<Found> {
  const [first, ...rest] = segments;
  if (first === undefined) yield { path, value: root, key, parent };
  else if (first === "[*]") {
    const entries = Array.isArray(root) ? [...root.entries()] : isRecord(root) ? Object.entries(root) : [];
    for (const [index, item] of entries) yield* findAll(item, rest, `${path}[${index}]`, root, String(index));
  } else {
    const below = own(root as JsonRecord | undefined, first);
    if (below !== undefined) yield* findAll(below, rest, path === "" ? first : `${path}.${first}`, root, first);
  }
}
