import type { Requirement } from "../requirements.ts";

export function found(name: string, detail: string): Requirement {
  return { name, status: "found", detail, remedy: "" };
}

export function missing(name: string, detail: string, remedy: string): Requirement {
  return { name, status: "missing", detail, remedy };
}

export function warning(name: string, detail: string, remedy: string): Requirement {
  return { name, status: "warning", detail, remedy };
}
