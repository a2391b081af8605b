/** The key that signs the tokens of service accounts (ES256), in `<root>/pki/sa.key`. */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { join } from "node:path";

import { messageOf, MinkeError } from "../../base/errors.ts";
import { atomicWrite, ensureFolder, readIfExists } from "../../host/files.ts";

/** Reads the key, or makes it, which takes less than a millisecond. Without it all tokens would be void after a restart. */
export async function openServiceAccountKey(folder: string): Promise<KeyObject> {
  const path = join(folder, "sa.key");
  const stored = await readIfExists(path);
  if (stored !== undefined) {
    try {
      return createPrivateKey(stored);
    } catch (error) {
      throw new MinkeError(
        "FailedPrecondition",
        `Cannot use the service account key ${path}: ${messageOf(error)}; restore it, or remove it for a new one, which makes all tokens void`,
        { cause: error, details: { path } },
      );
    }
  }
  await ensureFolder(folder);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await atomicWrite(path, privateKey.export({ type: "pkcs8", format: "pem" }), { durable: true });
  return privateKey;
}
