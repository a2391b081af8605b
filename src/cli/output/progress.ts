/** Progress on stderr: one line that is rewritten on a terminal; elsewhere one line per new message. */
import { bytesText } from "./bytes.ts";

export interface ProgressStep {
  readonly message: string;
  readonly currentBytes?: number;
  readonly totalBytes?: number;
}

export class ProgressLine implements Disposable {
  readonly #stream: NodeJS.WriteStream;
  #shown = "";

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** Shows a step. */
  show(step: ProgressStep): void {
    if (!this.#stream.isTTY) {
      if (step.message !== this.#shown) this.#stream.write(`${step.message}\n`);
      this.#shown = step.message;
      return;
    }
    const text = `${step.message}${amountOf(step)}`.slice(0, Math.max(20, (this.#stream.columns ?? 80) - 1));
    this.#stream.write(`\r\u001b[K${text}`);
    this.#shown = text;
  }

  /** Takes the line away, so that something else can be written. */
  clear(): void {
    if (this.#stream.isTTY && this.#shown !== "") this.#stream.write("\r\u001b[K");
    this.#shown = "";
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

function amountOf({ currentBytes, totalBytes }: ProgressStep): string {
  if (currentBytes === undefined) return "";
  const of = totalBytes === undefined || totalBytes === 0 ? "" : ` / ${bytesText(totalBytes)}`;
  return `  ${bytesText(currentBytes)}${of}`;
}
