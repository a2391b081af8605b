/** The options of a write, from its query. Kubernetes: apimachinery apis/meta/v1/validation. */
import { type FieldError, forbidden, invalid, notSupported, required, tooLong } from "../../../api/field-error.ts";
import { invalidObject } from "../../../api/status.ts";
import type { ResourceContext } from "../context.ts";
import { isTrue } from "../request-info.ts";

const FIELD_VALIDATION = ["Ignore", "Strict", "Warn"] as const;
export type FieldValidation = (typeof FIELD_VALIDATION)[number];

/** Longest name of a field manager, in bytes. */
const MANAGER_MAX_BYTES = 128;
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

export type WriteVerb = "Create" | "Update" | "Patch" | "Apply";

/** Throws `Invalid` (422) for an option that the verb does not take, or that has no such value. */
export function requireWriteOptions({ query }: ResourceContext, verb: WriteVerb): void {
  const faults: FieldError[] = [];
  const manager = query.get("fieldManager") ?? "";
  if (verb === "Apply" && manager === "") faults.push(required("fieldManager", "is required for apply patch"));
  if (verb === "Patch" && query.has("force"))
    faults.push(forbidden("force", "may not be specified for non-apply patch"));
  if (Buffer.byteLength(manager) > MANAGER_MAX_BYTES) faults.push(tooLong("fieldManager", MANAGER_MAX_BYTES));
  const odd = UNPRINTABLE.exec(manager);
  if (odd)
    faults.push(invalid("fieldManager", manager, `invalid character ${codePoint(odd[0])} (at position ${odd.index})`));
  const dryRun = dryRunValues(query);
  if (dryRun.some((value) => value !== "All")) faults.push(notSupported("dryRun", dryRun, ["All"]));
  const validation = query.get("fieldValidation") ?? "";
  if (validation !== "" && !FIELD_VALIDATION.includes(validation as FieldValidation)) {
    faults.push(notSupported("fieldValidation", validation, ["", ...FIELD_VALIDATION]));
  }
  if (faults.length === 0) return;
  throw invalidObject(`${verb === "Apply" ? "Patch" : verb}Options.meta.k8s.io`, "", faults);
}

function codePoint(char: string): string {
  return `U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}`;
}

function dryRunValues(query: URLSearchParams): string[] {
  return query.getAll("dryRun").filter((value) => value !== "");
}

/** What is done about unknown and duplicate fields. */
export function fieldValidation({ query }: ResourceContext): FieldValidation {
  const asked = query.get("fieldValidation");
  return FIELD_VALIDATION.find((each) => each === asked) ?? "Warn";
}

/** True when the client only wants to know what would happen. */
export function isDryRun({ query }: ResourceContext): boolean {
  return dryRunValues(query).length > 0;
}

/** True when an apply takes fields away from other managers. */
export function isForced({ query }: ResourceContext): boolean {
  return isTrue(query.get("force"));
}

/** Who writes: `fieldManager`, or the first part of the client's `User-Agent`. */
export function managerOf({ query, request }: ResourceContext): string {
  const asked = query.get("fieldManager") ?? "";
  if (asked !== "") return asked;
  let name = "";
  for (const char of (request.headers["user-agent"] ?? "").split("/", 1)[0]!) {
    if (UNPRINTABLE.test(char)) continue;
    if (Buffer.byteLength(name + char) > MANAGER_MAX_BYTES) break;
    name += char;
  }
  return name;
}
