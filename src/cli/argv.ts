/**
 * Brings a command line as kubectl's users write it into the form that the parser takes: global flags before the verb go
 * behind it, glued short flags (`-nns`, `-itc web`) come apart, of a repeated single flag the last wins, and what follows
 * `--` is kept apart.
 */

/** Flags that may stand before the verb; the value says whether they take one. */
const GLOBAL_FLAGS: Readonly<Record<string, boolean>> = {
  "-n": true,
  "--namespace": true,
  "-A": false,
  "--all-namespaces": false,
  "--instance": true,
  "--state": true,
  "--root": true,
  "-o": true,
  "--output": true,
  "-h": false,
  "--help": false,
};

export interface SplitLine {
  /** Empty when there is none. */
  readonly verb: string;
  /** The flags, with their values, from before the verb. */
  readonly globals: readonly string[];
  /** What stands between the verb and `--`. */
  readonly args: readonly string[];
  /** What follows `--`; undefined when there is no `--`. */
  readonly afterDashes: readonly string[] | undefined;
}

/** Finds the verb. */
export function splitLine(argv: readonly string[]): SplitLine {
  const dashes = argv.indexOf("--");
  const before = dashes < 0 ? argv : argv.slice(0, dashes);
  const afterDashes = dashes < 0 ? undefined : argv.slice(dashes + 1);
  const globals: string[] = [];
  for (let i = 0; i < before.length; i++) {
    const arg = before[i]!;
    if (!arg.startsWith("-") || arg === "-") return { verb: arg, globals, args: before.slice(i + 1), afterDashes };
    globals.push(arg);
    if (GLOBAL_FLAGS[arg] === true && i + 1 < before.length) globals.push(before[++i]!);
  }
  return { verb: "", globals, args: [], afterDashes };
}

/** The first of these flags that can not stand before a verb. */
export function strayFlag(globals: readonly string[]): string | undefined {
  return globals.find((arg) => {
    if (!arg.startsWith("-")) return false;
    const name = arg.startsWith("--") ? splitOnce(arg, "=")[0] : arg.slice(0, 2);
    return !Object.hasOwn(GLOBAL_FLAGS, name);
  });
}

/** What a command's flags look like. */
export interface FlagShapes {
  /** Short letter → long name in kebab case. */
  readonly shorts: ReadonlyMap<string, string>;
  /** Long name in kebab case → whether it takes a value, and whether it may be given more than once. */
  readonly longs: ReadonlyMap<string, { readonly takesValue: boolean; readonly repeats: boolean }>;
}

/** Rewrites the flags in `args` to `--name=value` and `--name`; all else stays as and where it is. */
export function normaliseFlags(args: readonly string[], shapes: FlagShapes): string[] {
  const out: (string | undefined)[] = [];
  const places = new Map<string, number>();
  const emit = (name: string, text: string): void => {
    const earlier = places.get(name);
    if (earlier !== undefined && shapes.longs.get(name)?.repeats !== true) out[earlier] = undefined;
    places.set(name, out.push(text) - 1);
  };
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (!arg.startsWith("-") || arg === "-") {
      out.push(arg);
    } else if (arg.startsWith("--")) {
      const [name, value] = splitOnce(arg.slice(2), "=");
      const takesValue = shapes.longs.get(name)?.takesValue === true;
      if (value !== undefined || !takesValue || i + 1 >= args.length) emit(name, arg);
      else emit(name, `--${name}=${args[++i]!}`);
    } else if (expandShorts(arg, args[i + 1], shapes, emit)) {
      i++;
    }
  }
  // The parser wants text behind an equals sign.
  return out.flatMap((arg) => (arg === undefined ? [] : /^--[^=]+=$/.test(arg) ? [arg.slice(0, -1), ""] : [arg]));
}

/** Takes `-itc` or `-nns` apart. True when the next argument was used as a value. */
function expandShorts(
  arg: string,
  next: string | undefined,
  shapes: FlagShapes,
  emit: (name: string, text: string) => void,
): boolean {
  for (let at = 1; at < arg.length; at++) {
    const letter = arg[at]!;
    const name = shapes.shorts.get(letter);
    if (name === undefined) {
      // Left to the parser, which names it in its error.
      emit(`-${letter}`, `-${letter}`);
      if (arg[at + 1] === "=") return false;
      continue;
    }
    const rest = arg.slice(at + 1);
    if (shapes.longs.get(name)?.takesValue !== true) {
      if (rest.startsWith("=")) {
        emit(name, `--${name}${rest}`);
        return false;
      }
      emit(name, `--${name}`);
    } else if (rest !== "") {
      emit(name, `--${name}=${rest.startsWith("=") ? rest.slice(1) : rest}`);
      return false;
    } else if (next === undefined) {
      emit(name, `--${name}`);
      return false;
    } else {
      emit(name, `--${name}=${next}`);
      return true;
    }
  }
  return false;
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
