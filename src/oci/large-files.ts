/**
 * The large files of a layer, written by this process: through tar their content would go over a socket once more, which is
 * a third of an unpacking's time. They lie in a folder of their own, until tar has linked them to where they belong.
 */
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";

/** What is set on a file beside its content. */
export interface FileAttributes {
  /** Permission bits, set-user-ID and the like included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
}

/** One file after the other: {@link begin}, {@link write} as often as it takes, {@link end}. */
export class LargeFiles implements AsyncDisposable {
  readonly #folder: string;
  #file: { readonly handle: FileHandle; readonly attributes: FileAttributes } | undefined;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder, which must not exist. Disposing removes it. */
  static async open(folder: string): Promise<LargeFiles> {
    await mkdir(folder, { mode: 0o700 });
    return new LargeFiles(folder);
  }

  /** The file is there, to be linked, when this resolves. */
  async begin(name: string, attributes: FileAttributes): Promise<void> {
    this.#file = { handle: await open(join(this.#folder, name), "wx", 0o600), attributes };
  }

  async write(data: Uint8Array): Promise<void> {
    await this.#file!.handle.writeFile(data);
  }

  async end(): Promise<void> {
    const { handle, attributes } = this.#file!;
    await handle.chown(attributes.uid, attributes.gid);
    // After the owner, whose change takes the set-user-ID bit away.
    await handle.chmod(attributes.mode);
    await handle.utimes(attributes.mtime, attributes.mtime);
    this.#file = undefined;
    await handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.handle.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
