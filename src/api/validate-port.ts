/** Port numbers, and references to ports by number or name. */
import { type FieldError, invalid } from "./field-error.ts";
import type { IntOrString } from "./gen/types.ts";
import { portNameFaults } from "./names.ts";
import { faults } from "./validate-meta.ts";

export function validatePortNumber(port: number, path: string): FieldError[] {
  return port >= 1 && port <= 65535 ? [] : [invalid(path, port, "must be between 1 and 65535, inclusive")];
}

export function validatePort(port: IntOrString | undefined, path: string): FieldError[] {
  return typeof port === "string" ? faults(path, port, portNameFaults(port)) : validatePortNumber(port ?? 0, path);
}
