/** `minke attach`: attach to the main process of a container. */
import { buildCommand } from "@stricli/core";

import type { Pod } from "../../api/gen/types.ts";
import { MinkeError } from "../../base/errors.ts";
import type { CliContext } from "../context.ts";
import { argument, namespaceOf } from "../flags.ts";
import { chosenContainer, requireLive } from "../pod-containers.ts";
import { SESSION_ALIASES, sessionFlags, type SessionFlags } from "../session-flags.ts";
import { podNamed } from "../targets.ts";
import { join } from "../terminal.ts";

export const examples = [
  ["See the output from now on; Ctrl-C detaches, the container runs on", "minke attach web"],
  ["Talk to a container that was made with stdin and tty", "minke attach -it shell"],
] as const;
export const completes = ["pod"] as const;

export const command = buildCommand<SessionFlags, [string], CliContext>({
  docs: { brief: "Attach to a container's main process", customUsage: ["[-it] [-c CONTAINER] POD"] },
  parameters: {
    flags: sessionFlags("This is a terminal"),
    aliases: SESSION_ALIASES,
    positional: { kind: "tuple", parameters: [argument("POD", "NAME or pod/NAME")] },
  },
  async func(this: CliContext, flags, arg) {
    const pods = (await this.client(flags)).pods(namespaceOf(flags));
    const pod = await pods.get(podNamed(arg));
    requireLive(pod, "attach");
    const container = flags.container || chosenContainer(pod, (line) => void (flags.quiet || this.note(line)));
    const spec = pod.spec?.containers.find(({ name }) => name === container);
    if (flags.stdin && spec?.stdin !== true) throw closed(pod, container);
    const tty = flags.tty && spec?.tty === true;
    if (flags.tty && !tty && !flags.quiet)
      this.note(`Unable to use a TTY - container ${container} did not allocate one`);
    using session = await pods.attach(podNamed(arg), { container, stdin: flags.stdin, tty });
    if (!flags.quiet) this.note("If you don't see a command prompt, try pressing enter.");
    this.exit(await join(this, session, { stdin: flags.stdin, tty }));
  },
});

function closed(pod: Pod, container: string): MinkeError {
  return new MinkeError(
    "InvalidArgument",
    `Cannot pass standard input to container ${container} of pod ${pod.metadata.name}: its standard input is closed; set stdin: true in the container`,
  );
}
