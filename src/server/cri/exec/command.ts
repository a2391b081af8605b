/** The command of an exec. */
import { invalid } from "../invalid.ts";

export function commandOf(cmd: readonly string[]): readonly [string, ...string[]] {
  const [program, ...args] = cmd;
  if (program === undefined || program === "") throw invalid("cmd", cmd, "there must be a program to run");
  return [program, ...args];
}
