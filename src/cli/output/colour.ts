/** Colour: only on a terminal, and never when NO_COLOR is set (no-color.org). */
import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Container prefixes take these in turn; red is kept for failures. */
const WHEEL = ["cyan", "yellow", "green", "magenta", "blue", "cyanBright", "yellowBright", "greenBright"] as const;

/** A painter for one stream: `paint("red", text)`. */
export function painterFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): (style: Style, text: string) => string {
  const on = stream.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  return on ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
}

/** The colour of the nth container. */
export function wheelColour(n: number): (typeof WHEEL)[number] {
  return WHEEL[n % WHEEL.length]!;
}
