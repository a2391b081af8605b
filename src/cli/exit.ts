/**
 * Exit codes: 0 done; 1 an error; 2 wrong usage; 124 is not used (kubectl's `wait` says 1 for a timeout, and so do we);
 * `exec` and `play` pass a container's own code through; 130 and 143 after Ctrl-C and SIGTERM.
 */

export const EXIT = { ok: 0, error: 1, usage: 2, interrupted: 130, terminated: 143 } as const;

/** Ends the command with a code, and with a message on stderr unless it was said already. */
export class ExitError extends Error {
  override readonly name = "ExitError";
  readonly code: number;

  constructor(code: number, message = "") {
    super(message);
    this.code = code;
  }
}

/** Wrong usage: what was wrong with it; the caller adds how to get help. */
export class UsageError extends ExitError {
  constructor(message: string) {
    super(EXIT.usage, message);
  }
}
