/**
 * Progress of pulls and pushes on stderr: a line per layer that is rewritten on a terminal; elsewhere a line per change, or
 * the steps as JSON lines.
 */
import type { ImageProgress, LayerProgress } from "../../sdk/images.ts";
import { UsageError } from "../exit.ts";
import { bytesText } from "./bytes.ts";

const PROGRESS_MODES = ["auto", "plain", "rawjson"] as const;
export type ProgressMode = (typeof PROGRESS_MODES)[number];

/** Disposed, it takes away what it would have rewritten, so that something else can be written. */
export interface ProgressPrinter extends Disposable {
  show(step: ImageProgress): void;
}

/** Characters of a bar, and of a digest. */
const BAR_WIDTH = 24;
const SHORT_DIGEST = 12;

/** Reads `--progress`. */
export function progressMode(text: string = "auto"): ProgressMode {
  const mode = PROGRESS_MODES.find((one) => one === text);
  if (mode === undefined) throw new UsageError(`--progress ${text} is not one of ${PROGRESS_MODES.join(", ")}`);
  return mode;
}

export function progressPrinter(
  stream: Pick<NodeJS.WriteStream, "write" | "isTTY" | "columns" | "rows">,
  mode: ProgressMode | "quiet",
): ProgressPrinter {
  if (mode === "auto" && stream.isTTY) return new ProgressBars(stream);
  const show = {
    quiet: () => {},
    rawjson: (step: ImageProgress) => void stream.write(`${JSON.stringify(step)}\n`),
    auto: plainLines((line) => stream.write(line)),
    plain: plainLines((line) => stream.write(line)),
  }[mode];
  return { show, [Symbol.dispose]: () => {} };
}

/** Shows the steps of a pull or push, and resolves with its result. */
export async function showSteps<T>(
  stream: NodeJS.WriteStream,
  mode: ProgressMode | "quiet",
  steps: AsyncGenerator<ImageProgress, T>,
): Promise<T> {
  using printer = progressPrinter(stream, mode);
  for (;;) {
    const { done, value } = await steps.next();
    if (done === true) return value;
    printer.show(value);
  }
}

/** A line for each new message, and for each layer's new state. */
function plainLines(write: (line: string) => void): (step: ImageProgress) => void {
  let shown = "";
  const states = new Map<string, LayerProgress["state"]>();
  return ({ message, layers }) => {
    if (!layers && message !== shown) write(`${message}\n`);
    if (!layers) shown = message;
    for (const { digest, state, totalBytes } of layers ?? []) {
      if (state === "waiting" || states.get(digest) === state) continue;
      states.set(digest, state);
      write(`${shortDigest(digest)}: ${state} (${bytesText(totalBytes)})\n`);
    }
  };
}

class ProgressBars implements ProgressPrinter {
  readonly #stream: Pick<NodeJS.WriteStream, "write" | "columns" | "rows">;
  /** Lines that stand above the cursor. */
  #height = 0;

  constructor(stream: Pick<NodeJS.WriteStream, "write" | "columns" | "rows">) {
    this.#stream = stream;
  }

  show({ message, layers = [] }: ImageProgress): void {
    const width = Math.max(20, this.#stream.columns || 80) - 1;
    const room = Math.max(1, (this.#stream.rows || 24) - 3);
    // With more layers than lines, those that still come are shown.
    const shown = layers.length <= room ? layers : layers.toSorted((a, b) => Number(isHere(a)) - Number(isHere(b)));
    const fitting = shown.slice(0, room);
    const rest = layers.length - fitting.length;
    const lines = [message, ...fitting.map(barOf), ...(rest > 0 ? [`and ${rest} more`] : [])];
    this.#rewrite(lines.map((line) => line.slice(0, width)));
  }

  [Symbol.dispose](): void {
    this.#rewrite([]);
  }

  /** One write: a terminal shows no half of it. */
  #rewrite(lines: readonly string[]): void {
    if (this.#height === 0 && lines.length === 0) return;
    const up = this.#height > 0 ? `\u001b[${this.#height}A` : "";
    this.#stream.write(`${up}\r\u001b[J${lines.map((line) => `${line}\n`).join("")}`);
    this.#height = lines.length;
  }
}

function barOf(layer: LayerProgress): string {
  const { digest, state, currentBytes, totalBytes } = layer;
  const isComplete = isHere(layer);
  const part = isComplete ? 1 : totalBytes === 0 ? 0 : Math.min(1, currentBytes / totalBytes);
  const filled = Math.floor(part * BAR_WIDTH);
  const bar = `${"=".repeat(filled)}${filled < BAR_WIDTH ? ">" : ""}`.padEnd(BAR_WIDTH);
  const amount = isComplete ? bytesText(totalBytes) : `${bytesText(currentBytes)} / ${bytesText(totalBytes)}`;
  return `${shortDigest(digest)} [${bar}] ${state.padEnd("unpacking".length)} ${amount}`;
}

function isHere({ state }: LayerProgress): boolean {
  return state === "done" || state === "present";
}

function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, SHORT_DIGEST);
}
