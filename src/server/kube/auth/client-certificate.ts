/**
 * The user of a client certificate: common name and organisations. The handshake has verified chain, purpose and date;
 * the date is looked at again, since a connection can outlive its certificate.
 * Kubernetes: staging/src/k8s.io/apiserver/pkg/authentication/request/x509/x509.go.
 */
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { TLSSocket } from "node:tls";

import { AUTHENTICATED, type User } from "./user.ts";

/** What a connection's certificate says; the same for all of its requests. */
type Peer = { readonly user: User; readonly notAfterMs: number } | "none" | "refused";

const peers = new WeakMap<object, Peer>();

/** The user; `none` when no certificate was shown, `refused` when it is not one of this node's or has expired. */
export function certificateUser(request: IncomingMessage, nowMs: number): User | "none" | "refused" {
  const session = (request as unknown as Partial<Http2ServerRequest>).stream?.session;
  const connection: object = session ?? request.socket;
  let peer = peers.get(connection);
  if (!peer) peers.set(connection, (peer = peerOf((session?.socket ?? request.socket) as TLSSocket)));
  if (peer === "none" || peer === "refused") return peer;
  return peer.notAfterMs > nowMs ? peer.user : "refused";
}

function peerOf(socket: TLSSocket): Peer {
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return "none";
  if (!socket.authorized) return "refused";
  const { CN, O } = certificate.toLegacyObject().subject as { CN?: string | string[]; O?: string | string[] };
  // Of several common names the last counts, as in Go's pkix.Name.
  const name = [CN ?? []].flat().at(-1);
  if (name === undefined || name === "") return "refused";
  return {
    user: { name, groups: [...new Set([...[O ?? []].flat(), AUTHENTICATED])] },
    notAfterMs: certificate.validToDate.getTime(),
  };
}
