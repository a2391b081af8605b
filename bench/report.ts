/** What a bench leaves behind: bench/results/NAME-<time>.{json,md}, and with --readme the text between its marks in README.md. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join, resolve } from "node:path";

const README = resolve(import.meta.dirname, "../README.md");

/** The machine in one line. */
export function machine(): string {
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  return `${cpus().length} cores (${cpus()[0]?.model ?? "?"}), ${memory}, Node ${process.version}`;
}

/** Prints the text and keeps it with its numbers. */
export function report(name: string, text: string, numbers: Readonly<Record<string, unknown>>): void {
  const folder = join(import.meta.dirname, "results");
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}-${stamp}.json`), JSON.stringify({ machine: machine(), ...numbers }, null, 2));
  writeFileSync(join(folder, `${name}-${stamp}.md`), text);
  console.log(`\n${text}`);
  if (!process.argv.includes("--readme")) return;
  const readme = readFileSync(README, "utf8");
  const marks = new RegExp(`(<!-- bench:${name} -->\n)[\\s\\S]*?(<!-- /bench:${name} -->)`);
  if (!marks.test(readme)) throw new Error(`README.md has no <!-- bench:${name} --> marks`);
  writeFileSync(
    README,
    readme.replace(marks, (_all, open: string, close: string) => `${open}${text}${close}`),
  );
}
