/**
 * Kubernetes' rules for names, with its wording (apimachinery util/validation). Each function returns what is wrong, and
 * nothing when all is well.
 */

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const SUBDOMAIN_UNDERSCORE_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const SUBDOMAIN_UNDERSCORE = `${SUBDOMAIN_UNDERSCORE_LABEL}(\\.${SUBDOMAIN_UNDERSCORE_LABEL})*`;
const QUALIFIED_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_VALUE = `(${QUALIFIED_NAME})?`;
const CONFIG_KEY = "[-._a-zA-Z0-9]+";
const HEADER_NAME = "[-A-Za-z0-9]+";

const LABEL_MAX = 63;
const SUBDOMAIN_MAX = 253;
const PORT_NAME_MAX = 15;

const compiled = new Map<string, RegExp>();

function matches(pattern: string, value: string): boolean {
  let expression = compiled.get(pattern);
  if (!expression) compiled.set(pattern, (expression = new RegExp(`^(?:${pattern})$`)));
  return expression.test(value);
}

function regexMessage(rule: string, pattern: string, ...examples: readonly string[]): string {
  const shown = examples.map((example, index) => `${index === 0 ? "" : " or "}'${example}', `).join("");
  return `${rule} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

function tooLongMessage(max: number): string {
  return `must be no more than ${max} bytes`;
}

/** RFC 1123 label: container, volume and namespace names. */
export function labelNameFaults(value: string): string[] {
  const faults = value.length > LABEL_MAX ? [tooLongMessage(LABEL_MAX)] : [];
  if (!matches(LABEL, value)) {
    const rule =
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
    faults.push(matches(SUBDOMAIN, value) ? "must not contain dots" : regexMessage(rule, LABEL, "my-name", "123-abc"));
  }
  return faults;
}

/** RFC 1123 subdomain: names of Pods, ConfigMaps, Secrets, nodes. */
export function subdomainFaults(value: string): string[] {
  const faults = value.length > SUBDOMAIN_MAX ? [tooLongMessage(SUBDOMAIN_MAX)] : [];
  const rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  if (!matches(SUBDOMAIN, value)) faults.push(regexMessage(rule, SUBDOMAIN, "example.com"));
  return faults;
}

/** A DNS search domain: a subdomain that may have underscores, and end in a dot. */
export function searchDomainFaults(value: string): string[] {
  if (value === ".") return [];
  const trimmed = value.endsWith(".") ? value.slice(0, -1) : value;
  const faults = trimmed.length > SUBDOMAIN_MAX ? [tooLongMessage(SUBDOMAIN_MAX)] : [];
  const rule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";
  if (!matches(SUBDOMAIN_UNDERSCORE, trimmed)) {
    faults.push(regexMessage(rule, SUBDOMAIN_UNDERSCORE, "example.com"));
  }
  return faults;
}

/** The key of a label or an annotation: `name` or `prefix.example.com/name`. */
export function qualifiedNameFaults(value: string): string[] {
  const rule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  const full = (text: string): string => regexMessage(text, QUALIFIED_NAME, "MyName", "my.name", "123-abc");
  const parts = value.split("/");
  if (parts.length > 2) {
    const example = " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
    return [`a qualified name ${full(rule)}${example}`];
  }
  const faults: string[] = [];
  const [prefix, name] = parts.length === 2 ? [parts[0]!, parts[1]!] : [undefined, value];
  if (prefix === "") faults.push("prefix part must be non-empty");
  else if (prefix !== undefined) faults.push(...subdomainFaults(prefix).map((fault) => `prefix part ${fault}`));
  if (name === "") faults.push("name part must be non-empty");
  else if (name.length > LABEL_MAX) faults.push(`name part ${tooLongMessage(LABEL_MAX)}`);
  if (!matches(QUALIFIED_NAME, name)) faults.push(`name part ${full(rule)}`);
  return faults;
}

export function labelValueFaults(value: string): string[] {
  const faults = value.length > LABEL_MAX ? [tooLongMessage(LABEL_MAX)] : [];
  const rule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  if (!matches(LABEL_VALUE, value)) faults.push(regexMessage(rule, LABEL_VALUE, "MyValue", "my_value", "12345"));
  return faults;
}

/** A key of a ConfigMap or Secret, which becomes a file name. */
export function configKeyFaults(value: string): string[] {
  const faults = value.length > SUBDOMAIN_MAX ? [tooLongMessage(SUBDOMAIN_MAX)] : [];
  const rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
  if (!matches(CONFIG_KEY, value)) faults.push(regexMessage(rule, CONFIG_KEY, "key.name", "KEY_NAME", "key-name"));
  if (value === ".") faults.push("must not be '.'");
  else if (value === "..") faults.push("must not be '..'");
  else if (value.startsWith("..")) faults.push("must not start with '..'");
  return faults;
}

/** An environment variable's name: printable ASCII but `=`. */
export function envNameFaults(value: string): string[] {
  if (value === "") return ["environment variable name must be non-empty"];
  const rule = "a valid environment variable name must consist only of printable ASCII characters other than '='";
  return /^[\x20-\x3c\x3e-\x7e]+$/.test(value) ? [] : [rule];
}

/** IANA service name: the name of a port. */
export function portNameFaults(value: string): string[] {
  const faults: string[] = [];
  if (value.length > PORT_NAME_MAX) faults.push(`must be no more than ${PORT_NAME_MAX} characters`);
  if (!/^[-a-z0-9]+$/.test(value))
    faults.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(value)) faults.push("must contain at least one letter (a-z)");
  if (value.includes("--")) faults.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) faults.push("must not begin or end with a hyphen");
  return faults;
}

export function headerNameFaults(value: string): string[] {
  const rule = "a valid HTTP header must consist of alphanumeric characters or '-'";
  return matches(HEADER_NAME, value) ? [] : [regexMessage(rule, HEADER_NAME, "X-Header-Name")];
}

/** True for an IPv4 address in dotted decimal without leading zeros, or an IPv6 address without zone. */
export function isIp(value: string): boolean {
  return isIpv4(value) || isIpv6(value);
}

function isIpv4(value: string): boolean {
  const parts = value.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(value: string): boolean {
  const halves = value.split("::");
  if (halves.length > 2 || !value.includes(":")) return false;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1)!;
  let count = groups.reduce((sum, half) => sum + half.length, 0);
  if (last.length > 0 && last.at(-1)!.includes(".")) {
    if (!isIpv4(last.pop()!)) return false;
    count++;
  }
  if (!groups.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? count < 8 : count === 8;
}
