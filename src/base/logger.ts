/** The logger's interface. The daemon binds it to pino; tests and the library use {@link noLog} or one of their own. */

export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log: fields first, then a sentence in the past or present tense. Never pass a secret in a field. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(fields: LogFields): Logger;
}

const nothing = (): void => {};

/** Says nothing. */
export const noLog: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => noLog };
