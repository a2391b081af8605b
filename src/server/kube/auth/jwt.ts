/** JSON Web Tokens (RFC 7519) with ES256 (RFC 7518 §3.4), and no other algorithm: what a token says of itself decides nothing. */
import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/** A longer token is refused unread. Kubernetes' own have about 1,000. */
const TOKEN_MAX_CHARACTERS = 16 * 1024;

export type Claims = Readonly<Record<string, unknown>>;

export class JwtKey {
  readonly #private: KeyObject;
  readonly #public: KeyObject;
  /** As Kubernetes names keys: the hash of the public one. */
  readonly id: string;

  constructor(privateKey: KeyObject) {
    this.#private = privateKey;
    this.#public = createPublicKey(privateKey);
    this.id = createHash("sha256")
      .update(this.#public.export({ type: "spki", format: "der" }))
      .digest("base64url");
  }

  sign(claims: Claims): string {
    const head = `${encoded({ alg: "ES256", kid: this.id, typ: "JWT" })}.${encoded(claims)}`;
    const signature = sign("sha256", Buffer.from(head), { key: this.#private, dsaEncoding: "ieee-p1363" });
    return `${head}.${signature.toString("base64url")}`;
  }

  /** The claims of a token that this key has signed; undefined for any other. Dates and audience are not looked at. */
  verify(token: string): Claims | undefined {
    if (token.length > TOKEN_MAX_CHARACTERS) return undefined;
    const parts = token.split(".");
    if (parts.length !== 3) return undefined;
    const [head = "", body = "", signature = ""] = parts;
    const key = { key: this.#public, dsaEncoding: "ieee-p1363" } as const;
    if (!verify("sha256", Buffer.from(`${head}.${body}`), key, Buffer.from(signature, "base64url"))) return undefined;
    // We signed it, so it is JSON.
    return JSON.parse(Buffer.from(body, "base64url").toString("utf8")) as Claims;
  }

  /** RFC 7517. */
  jwks(): unknown {
    return { keys: [{ use: "sig", alg: "ES256", kid: this.id, ...this.#public.export({ format: "jwk" }) }] };
  }
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
