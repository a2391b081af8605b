/** A file that one process at a time can hold. SQLite's lock is the kernel's: however its holder dies, it is free again. */
import { DatabaseSync } from "node:sqlite";

/** Holds the file, making it when it is not there, until disposed of; undefined when another has it. */
export function holdFile(path: string): Disposable | undefined {
  const file = new DatabaseSync(path, { timeout: 0 });
  try {
    file.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    file.close();
    if (error instanceof Error && /database is locked/.test(error.message)) return undefined;
    throw error;
  }
  return { [Symbol.dispose]: () => file.close() };
}
