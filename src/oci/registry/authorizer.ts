/**
 * Proves to one host who asks: HTTP Basic, or a bearer token that a token server gives for it (distribution's
 * docs/spec/auth/token.md and oauth.md). Nothing is sent before the host has asked for it.
 */
import type { Clock } from "../../base/clock.ts";
import type { DockerAuth } from "../../base/docker-auths.ts";
import { MinkeError } from "../../base/errors.ts";
import { asObject, textOf } from "../image-format.ts";
import { readBody, refusal } from "./answer.ts";
import { type Challenge, readChallenges } from "./challenge.ts";
import type { Connection, HttpResponse, Transport } from "./transport.ts";

/** Bytes of a token server's answer; tokens have some KiB. */
const TOKEN_ANSWER_BYTES_MAX = 1024 * 1024;
/** Seconds that a token is good for when its server does not say (token.md). */
const TOKEN_SECONDS = 60;
/** Milliseconds before its end at which a token is no longer used: a request takes time too. */
const TOKEN_MARGIN_MS = 10_000;
/** Who buys tokens, as OAuth2 wants to know. */
const CLIENT_ID = "minke";

interface Token {
  readonly header: string;
  readonly expiresMs: number;
}

export class Authorizer {
  readonly #transport: Transport;
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #auth: DockerAuth | undefined;
  readonly #tokens = new Map<string, Promise<Token>>();
  #challenge: Challenge | undefined;

  constructor(transport: Transport, connection: Connection, clock: Clock, auth: DockerAuth | undefined) {
    this.#transport = transport;
    this.#connection = connection;
    this.#clock = clock;
    this.#auth = auth;
  }

  /** Whether the host has ever asked who is there. */
  get wasAsked(): boolean {
    return this.#challenge !== undefined;
  }

  /** The `Authorization` of a request, as far as the host has asked for one. */
  async header(scope: string, signal?: AbortSignal): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (!challenge) return undefined;
    if (challenge.scheme === "basic") return basic(this.#auth);
    if (this.#auth?.registryToken !== undefined) return `Bearer ${this.#auth.registryToken}`;
    const held = this.#tokens.get(scope);
    if (held) {
      const token = await held;
      if (token.expiresMs - TOKEN_MARGIN_MS > this.#clock.now()) return token.header;
    }
    const fresh = this.#buy(challenge, scope, signal);
    this.#tokens.set(scope, fresh);
    fresh.catch(() => this.#tokens.delete(scope));
    return (await fresh).header;
  }

  /**
   * Takes note of a 401 to a request that had `sent`. Returns whether asking again, with what {@link header} then gives, can
   * make a difference.
   */
  learn(response: HttpResponse, scope: string, sent: string | undefined): boolean {
    const challenges = readChallenges([response.headers["www-authenticate"] ?? []].flat().join(", "));
    this.#challenge =
      challenges.find(({ scheme }) => scheme === "bearer") ?? challenges.find(({ scheme }) => scheme === "basic");
    this.#tokens.delete(scope);
    if (!this.#challenge) return false;
    if (this.#challenge.scheme === "basic") return basic(this.#auth) !== sent;
    return true;
  }

  async #buy(challenge: Challenge, scope: string, signal?: AbortSignal): Promise<Token> {
    const url = this.#realm(challenge);
    const { service } = challenge.parameters;
    const asked = new URLSearchParams({
      ...(service === undefined ? {} : { service }),
      // A login asks for nothing yet.
      ...(scope === "" ? {} : { scope }),
    });
    const identityToken = this.#auth?.identityToken;
    const login = basic(this.#auth);
    if (identityToken === undefined) {
      for (const [name, value] of asked) url.searchParams.append(name, value);
      if (login !== undefined) url.searchParams.append("account", this.#auth?.username ?? "");
    } else {
      asked.append("grant_type", "refresh_token");
      asked.append("refresh_token", identityToken);
      asked.append("client_id", CLIENT_ID);
    }
    const response = await this.#transport.send(
      identityToken === undefined
        ? { method: "GET", url, headers: login === undefined ? {} : { authorization: login }, signal }
        : {
            method: "POST",
            url,
            headers: { "content-type": "application/x-www-form-urlencoded" },
            body: asked.toString(),
            signal,
          },
      this.#connection,
    );
    const what = `the token server ${url.origin}`;
    if (response.status !== 200) throw await refusal(response, `get a token from ${what}`);
    return this.#readToken(await readBody(response, TOKEN_ANSWER_BYTES_MAX, what), what);
  }

  #readToken(body: Buffer, what: string): Token {
    let answer: Record<string, unknown> | undefined;
    try {
      answer = asObject(JSON.parse(body.toString("utf8")));
    } catch {
      // The parser's message would quote the answer, and so perhaps a token.
    }
    const token = textOf(answer?.["token"]) || textOf(answer?.["access_token"]);
    if (token === "" || /[^\u0021-\u007e]/.test(token)) {
      throw new MinkeError("Unavailable", `Cannot use the answer of ${what}: it holds no token`, {
        reason: "RegistryUnavailable",
      });
    }
    const seconds = Number(answer?.["expires_in"] ?? TOKEN_SECONDS) || TOKEN_SECONDS;
    return {
      header: `Bearer ${token}`,
      expiresMs: this.#clock.now() + Math.max(seconds * 1000, 2 * TOKEN_MARGIN_MS),
    };
  }

  /** The token server. A password is not sent in the clear to one that a verified registry has named. */
  #realm({ parameters }: Challenge): URL {
    const realm = parameters["realm"] ?? "";
    let url: URL;
    try {
      url = new URL(realm);
    } catch (error) {
      throw new MinkeError(
        "Unavailable",
        `Cannot get a token: the registry's realm "${realm.slice(0, 200)}" is no URL`,
        {
          reason: "RegistryUnavailable",
          cause: error,
        },
      );
    }
    const isClear = url.protocol !== "https:" && this.#connection.tls.verify && !this.#connection.plainFallback;
    if (!isClear || (this.#auth === undefined && url.protocol === "http:")) return url;
    throw new MinkeError(
      "FailedPrecondition",
      `Cannot get a token: the registry names the token server ${url.origin}, to which a password is not sent without TLS`,
      { reason: "ErrImagePull" },
    );
  }
}

/** HTTP Basic of RFC 7617; undefined without a user name. */
function basic(auth: DockerAuth | undefined): string | undefined {
  if (auth?.username === undefined) return undefined;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password ?? ""}`).toString("base64")}`;
}
