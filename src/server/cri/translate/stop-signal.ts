/** Stop signals: the CRI's numbers are its own, the runtime takes names. */
import { Signal, SignalSchema } from "../gen/runtime/v1/api_pb.ts";
import { known } from "../invalid.ts";

/** SIGCLD and SIGPOLL are other names, which Linux has and Node has not. */
const ALIASES: Readonly<Record<string, string>> = { SIGCLD: "SIGCHLD" };

/** undefined: the image's. */
export function stopSignalName(signal: Signal, field: string): string | undefined {
  if (known(SignalSchema, signal, field) === Signal.RUNTIME_DEFAULT) return undefined;
  const name = SignalSchema.value[signal]!.name.slice("SIGNAL_".length);
  return ALIASES[name] ?? name.replace("PLUS", "+").replace("MINUS", "-");
}

/** RUNTIME_DEFAULT when the CRI has no number for it. */
export function stopSignalNumber(name: string): Signal {
  const upper = name.toUpperCase();
  const full = (upper.startsWith("SIG") ? upper : `SIG${upper}`).replace("+", "PLUS").replace("-", "MINUS");
  const value = SignalSchema.values.find((each) => each.name === `SIGNAL_${full}`);
  return (value?.number ?? Signal.RUNTIME_DEFAULT) as Signal;
}
