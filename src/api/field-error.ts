/**
 * One finding about one field, worded as Kubernetes words it (apimachinery util/validation/field): the path, the kind of
 * fault, the value, and what would be right.
 */

/** The cause types of a Status, and how each begins its message. */
const WORDING = {
  FieldValueNotFound: "Not found",
  FieldValueRequired: "Required value",
  FieldValueDuplicate: "Duplicate value",
  FieldValueInvalid: "Invalid value",
  FieldValueNotSupported: "Unsupported value",
  FieldValueForbidden: "Forbidden",
  FieldValueTooLong: "Too long",
} as const;

export type FieldErrorType = keyof typeof WORDING;

export interface FieldError {
  readonly type: FieldErrorType;
  /** Such as `spec.containers[0].image`. */
  readonly field: string;
  /** The message without the path: `Invalid value: "x": must be …`. */
  readonly body: string;
}

/** `path: body`, the form in which an error message quotes a finding. */
export function fieldErrorText(error: FieldError): string {
  return `${error.field}: ${error.body}`;
}

function bare(type: FieldErrorType, field: string, detail: string): FieldError {
  return { type, field, body: detail === "" ? WORDING[type] : `${WORDING[type]}: ${detail}` };
}

function valued(type: FieldErrorType, field: string, value: unknown, detail = ""): FieldError {
  const body = `${WORDING[type]}: ${JSON.stringify(value) ?? "null"}`;
  return { type, field, body: detail === "" ? body : `${body}: ${detail}` };
}

export function required(field: string, detail = ""): FieldError {
  return bare("FieldValueRequired", field, detail);
}

export function forbidden(field: string, detail: string): FieldError {
  return bare("FieldValueForbidden", field, detail);
}

export function tooLong(field: string, max: number, unit: "byte" | "character" = "byte"): FieldError {
  return bare("FieldValueTooLong", field, `may not be more than ${max} ${unit}${max === 1 ? "" : "s"}`);
}

export function invalid(field: string, value: unknown, detail: string): FieldError {
  return valued("FieldValueInvalid", field, value, detail);
}

export function duplicate(field: string, value: unknown): FieldError {
  return valued("FieldValueDuplicate", field, value);
}

/** A name that refers to nothing. */
export function missing(field: string, value: unknown): FieldError {
  return valued("FieldValueNotFound", field, value);
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const quoted = supported.map((item) => JSON.stringify(item)).join(", ");
  return valued("FieldValueNotSupported", field, value, `supported values: ${quoted}`);
}

/** A finding for a value outside an enumeration; nothing when it is inside. */
export function oneOf(field: string, value: string, supported: readonly string[]): FieldError[] {
  return supported.includes(value) ? [] : [notSupported(field, value, supported)];
}
