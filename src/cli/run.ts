/** From a command line to an exit code. */
import {
  ArgumentScannerError,
  buildApplication,
  type Command,
  formatMessageForArgumentScannerError,
  type RouteMap,
  run,
  type StricliProcess,
  text_en,
} from "@stricli/core";

import { type FlagShapes, normaliseFlags, splitLine, type SplitLine, strayFlag } from "./argv.ts";
import type { CliContext } from "./context.ts";
import { EXIT, ExitError, UsageError } from "./exit.ts";
import { describeFailure } from "./failure.ts";
import { suggestions } from "./suggest.ts";
import { VERBS } from "./verbs.ts";

/** Makes the context; `afterDashes` comes from the command line. */
export type MakeContext = (afterDashes: readonly string[] | undefined, exit: (code: number) => void) => CliContext;

/** Runs one command line and returns its exit code. Never rejects. */
export async function runLine(argv: readonly string[], makeContext: MakeContext): Promise<number> {
  const line = splitLine(argv);
  let code: number | undefined;
  const context = makeContext(line.afterDashes, (given) => void (code = given));
  try {
    if (line.verb === "" || line.verb === "help") return await runBare(line, context);
    const fromStricli = await runVerb(line, context);
    return code ?? fromStricli;
  } catch (error) {
    const text = describeFailure(error, context.env);
    if (text !== "") context.note(text);
    return error instanceof ExitError ? error.code : EXIT.error;
  }
}

/** `minke`, `minke --help`, `minke --version`, `minke help get`. */
async function runBare({ globals, args }: SplitLine, context: CliContext): Promise<number> {
  if (globals.includes("--version")) {
    const { VERSION } = await import("../base/version.ts");
    await context.print(`minke ${VERSION}\n`);
    return EXIT.ok;
  }
  const [topic, ...below] = args.filter((arg) => !arg.startsWith("-"));
  if (topic !== undefined) {
    return await runVerb({ verb: topic, globals: [], args: [...below, "--help"], afterDashes: undefined }, context);
  }
  const stray = strayFlag(globals);
  if (stray !== undefined) throw new UsageError(`unknown flag: ${stray}\nSee 'minke --help'.`);
  const { rootHelp } = await import("./help.ts");
  await context.print(rootHelp());
  return EXIT.ok;
}

async function runVerb(line: SplitLine, context: CliContext): Promise<number> {
  const verb = Object.hasOwn(VERBS, line.verb) ? VERBS[line.verb] : undefined;
  if (!verb) {
    if (line.verb === "__complete") return await complete(line, context);
    const near = suggestions(line.verb, Object.keys(VERBS));
    const hint = near.length === 0 ? "" : `; did you mean ${near.map((name) => `"${name}"`).join(" or ")}?`;
    throw new UsageError(`unknown command "${line.verb}"${hint}\nSee 'minke --help'.`);
  }
  const module = await verb.load();
  const { target, path, args } = resolve(module.command, line);
  const prefix = ["minke", line.verb, ...path];
  if (args.includes("--help") || args.includes("-h")) {
    const { commandHelp } = await import("./help.ts");
    await context.print(commandHelp(target, prefix, module.examples));
    return EXIT.ok;
  }
  if (!("parameters" in target)) {
    const names = target.getAllEntries().map((entry) => entry.name.original);
    const given = args.find((arg) => !arg.startsWith("-"));
    const near = given === undefined ? [] : suggestions(given, names);
    const what =
      given === undefined
        ? `'${prefix.join(" ")}' needs a command`
        : `unknown command "${prefix.slice(1).join(" ")} ${given}"`;
    const hint = near.length > 0 ? `; did you mean "${near[0]}"?` : `; it has ${names.join(", ")}`;
    throw new UsageError(what + hint);
  }
  const inputs = normaliseFlags(args, shapesOf(target));
  const dashed = module.takesDashes === true || line.afterDashes === undefined ? [] : ["--", ...line.afterDashes];
  return await runCommand(target, prefix, [...inputs, ...dashed], context);
}

interface Resolved {
  readonly target: Command<CliContext> | RouteMap<CliContext>;
  /** The names of the subcommands that were followed. */
  readonly path: readonly string[];
  /** All arguments but those names. */
  readonly args: readonly string[];
}

/** Follows subcommands as far as the arguments name them. */
function resolve(command: Command<CliContext> | RouteMap<CliContext>, line: SplitLine): Resolved {
  const here = { target: command, path: [], args: [...line.globals, ...line.args] };
  if ("parameters" in command) return here;
  const below = splitLine(line.args);
  const next = below.verb === "" ? undefined : command.getRoutingTargetForInput(below.verb);
  if (!next) return { ...here, args: line.args };
  const deeper = resolve(next, { ...below, globals: [...line.globals, ...below.globals] });
  return { ...deeper, path: [below.verb, ...deeper.path] };
}

async function runCommand(
  target: Command<CliContext>,
  prefix: readonly string[],
  inputs: readonly string[],
  context: CliContext,
): Promise<number> {
  const name = prefix.join(" ");
  const failure = (error: unknown): string => describeFailure(error, context.env);
  const app = buildApplication<CliContext>(target, {
    name,
    scanner: { caseStyle: "allow-kebab-for-camel", allowArgumentEscapeSequence: true },
    documentation: { disableAnsiColor: true },
    determineExitCode: (error) => (error instanceof ExitError ? error.code : EXIT.error),
    localization: {
      text: {
        ...text_en,
        exceptionWhileParsingArguments: (error) => `error: ${scannerMessage(error)}\nSee '${name} --help' for usage.`,
        exceptionWhileRunningCommand: failure,
        commandErrorResult: failure,
        exceptionWhileLoadingCommandFunction: failure,
        exceptionWhileLoadingCommandContext: failure,
      },
    },
  });
  const stderr = { write: (text: string) => void (text.trim() === "" || context.note(text.trimEnd())) };
  const streams: StricliProcess = { stdout: context.stdout, stderr, exitCode: null };
  await run(app, inputs, { ...context, process: streams });
  const code = Number(streams.exitCode ?? 0);
  return code < 0 ? EXIT.usage : code;
}

function scannerMessage(error: unknown): string {
  if (error instanceof ArgumentScannerError)
    return formatMessageForArgumentScannerError(error, {
      FlagNotFoundError: ({ input, corrections }) => {
        const near = corrections.map((name) => `--${kebab(name)}`).join(" or ");
        return `unknown flag: --${kebab(input.replace(/^-+/, ""))}${near === "" ? "" : `; did you mean ${near}?`}`;
      },
      AliasNotFoundError: ({ input }) => `unknown shorthand flag: '${input}' in -${input}`,
      ArgumentParseError: ({ externalFlagNameOrPlaceholder: name, input, exception }) =>
        `invalid argument "${input}" for "--${kebab(name)}" flag: ${exception instanceof Error ? exception.message : String(exception)}`,
      EnumValidationError: ({ externalFlagName: name, input, values }) =>
        `invalid argument "${input}" for "--${kebab(name)}" flag: it accepts only ${values.join(" or ")}`,
    });
  return error instanceof Error ? error.message : String(error);
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** The flags of a command, for the normaliser. */
export function shapesOf(command: Command<CliContext>): FlagShapes {
  const { flags = {}, aliases = {} } = command.parameters;
  return {
    shorts: new Map(Object.entries(aliases).map(([letter, name]) => [letter, kebab(name)])),
    longs: new Map(
      Object.entries(flags).map(([name, flag]) => [
        kebab(name),
        {
          takesValue: flag.kind === "parsed" || flag.kind === "enum",
          repeats: "variadic" in flag && flag.variadic !== undefined && flag.variadic !== false,
        },
      ]),
    ),
  };
}

async function complete(line: SplitLine, context: CliContext): Promise<number> {
  const { completions } = await import("./completion/complete.ts");
  const words = line.afterDashes ?? line.args;
  for (const word of await completions(words, context).catch(() => [])) await context.print(`${word}\n`);
  return EXIT.ok;
}
