/** `minke exec`: run a command in a container. */
import { buildCommand } from "@stricli/core";

import type { CliContext } from "../context.ts";
import { UsageError } from "../exit.ts";
import { argument, namespaceOf } from "../flags.ts";
import { chosenContainer, requireLive } from "../pod-containers.ts";
import { SESSION_ALIASES, sessionFlags, type SessionFlags } from "../session-flags.ts";
import { podNamed } from "../targets.ts";
import { join } from "../terminal.ts";

export const examples = [
  ["Run a command; its exit code is passed on", "minke exec web -- nginx -t"],
  ["A shell in a container of a Pod", "minke exec -it web -c nginx -- sh"],
  ["Send a file", "minke exec -i web -- sh -c 'cat > /tmp/file' < file"],
] as const;
export const completes = ["pod"] as const;
export const takesDashes = true;

export const command = buildCommand<SessionFlags, string[], CliContext>({
  docs: { brief: "Run a command in a container", customUsage: ["[-it] [-c CONTAINER] POD -- COMMAND [ARG]..."] },
  parameters: {
    flags: sessionFlags("Give the command a terminal"),
    aliases: SESSION_ALIASES,
    positional: { kind: "array", parameter: argument("POD", "NAME or pod/NAME") },
  },
  async func(this: CliContext, flags, ...args) {
    const [pod, ...stray] = args;
    const [program, ...rest] = this.afterDashes ?? [];
    if (pod === undefined) throw new UsageError("no Pod was given; write 'minke exec POD -- COMMAND'");
    if (stray.length > 0)
      throw new UsageError(`the command must stand behind --: 'minke exec ${pod} -- ${stray.join(" ")}'`);
    if (program === undefined)
      throw new UsageError("no command was given; write it behind --, such as 'minke exec POD -- ls'");
    const tty = flags.tty && (!flags.stdin || this.stdin.isTTY);
    if (flags.tty && !tty && !flags.quiet) {
      this.note("Unable to use a TTY - input is not a terminal or the right kind of file");
    }
    const pods = (await this.client(flags)).pods(namespaceOf(flags));
    const note = (line: string): void => void (flags.quiet || this.note(line));
    const object = await pods.get(podNamed(pod));
    requireLive(object, "exec into");
    const container = flags.container || chosenContainer(object, note);
    using session = await pods.exec(podNamed(pod), {
      command: [program, ...rest],
      stdin: flags.stdin,
      tty,
      container,
    });
    const code = await join(this, session, { stdin: flags.stdin, tty });
    if (code !== 0 && !flags.quiet) this.note(`command terminated with exit code ${code}`);
    this.exit(code);
  },
});
