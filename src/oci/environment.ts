/** The environment of a container's process: what the image and the Pod set, with the runtime's defaults below. Pure. */

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface EnvironmentInput {
  /** `NAME=value`; of a name that comes twice, the last one counts. */
  readonly env: readonly string[];
  readonly tty: boolean;
  readonly home?: string;
  readonly hostname?: string;
}

/** PATH, HOSTNAME and HOME where they are not set, and TERM with a tty, as Kubernetes' runtimes have them. */
export function environment(input: EnvironmentInput): readonly string[] {
  const values = new Map<string, string>();
  values.set("PATH", DEFAULT_PATH);
  if (input.hostname) values.set("HOSTNAME", input.hostname);
  if (input.tty) values.set("TERM", "xterm");
  values.set("HOME", input.home || "/");
  for (const entry of input.env) {
    const equals = entry.indexOf("=");
    if (equals > 0) values.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return [...values].map(([name, value]) => `${name}=${value}`);
}
