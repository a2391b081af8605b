/** Randomness lives here, so that the rest of the code is deterministic. */
import { randomBytes, randomUUID } from "node:crypto";

/** A container or sandbox id: 64 lower-case hex digits, as every CRI runtime makes them. */
export function newId(): string {
  return randomBytes(32).toString("hex");
}

/** An object's UID: a random UUID (RFC 9562 version 4). */
export function newUid(): string {
  return randomUUID();
}

/** The five characters that Kubernetes puts behind a `generateName`: its alphabet leaves out vowels and look-alikes. */
export function nameSuffix(): string {
  const alphabet = "bcdfghjklmnpqrstvwxz2456789";
  return Array.from(randomBytes(5), (byte) => alphabet[byte % alphabet.length]).join("");
}

/** A secret for a URL or a header: 160 random bits in the URL-safe alphabet of base64. */
export function newToken(): string {
  return randomBytes(20).toString("base64url");
}
