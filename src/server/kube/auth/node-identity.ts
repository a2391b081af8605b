/** What the server needs of the node's certificate authority, which the composition root keeps. */

export interface ClientCertificate {
  /** Both PEM. */
  readonly certificate: string;
  readonly key: string;
}

export interface NodeIdentity {
  /** The CA's certificate as PEM: what clients have to trust. Resolves when there is one, within moments of the first start. */
  ca(): Promise<string>;
  /** A new client certificate. Whether the caller may have it is for the server to say. */
  clientCertificate(user: string, groups: readonly string[], lifetimeMs: number): Promise<ClientCertificate>;
  /** `https://127.0.0.1:6443`; undefined when the node serves no HTTPS. */
  serverUrl(): string | undefined;
}
