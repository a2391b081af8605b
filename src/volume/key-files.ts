/** The files of a configMap or secret volume: all keys, or those that `items` chooses. Pure. */
import type { KeyToPath } from "../api/gen/types.ts";
import { MinkeError } from "../base/errors.ts";
import type { VolumeFile } from "./atomic-writer.ts";

const DEFAULT_MODE = 0o644;

export interface KeyFilesInput {
  readonly data: ReadonlyMap<string, Uint8Array>;
  readonly items: readonly KeyToPath[] | undefined;
  readonly defaultMode: number | undefined;
  readonly optional: boolean;
  /** Message for a key that is not there, without the key. */
  readonly missing: string;
}

export function keyFiles({ data, items, defaultMode = DEFAULT_MODE, optional, missing }: KeyFilesInput): VolumeFile[] {
  if (!items || items.length === 0) {
    return [...data].map(([path, content]) => ({ path, content, mode: defaultMode }));
  }
  return items.flatMap(({ key, path, mode = defaultMode }) => {
    const content = data.get(key);
    if (content) return [{ path, content, mode }];
    if (optional) return [];
    throw new MinkeError("NotFound", `${missing}: ${key}`);
  });
}
