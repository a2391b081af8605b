/** Notes one request down in the audit log: when a long one has begun to be answered, and when any has ended. */
import type { IncomingMessage } from "node:http";

import type { Clock } from "../../../base/clock.ts";
import { newUid } from "../../../base/ids.ts";
import type { RequestRecord } from "../request-record.ts";
import { type AuditedRequest, auditEvent, type AuditStage } from "./audit-event.ts";

/** Where the audit log goes. */
export interface AuditSink {
  /** Takes a line, without its end. Never throws: a log that can not be written does not stop the API. */
  write(line: string): void;
  /** Lines that were written, and those that could not be, since the start. */
  readonly counts: { readonly written: number; readonly lost: number };
}

/** A client may name its request, in as many characters as the Kubernetes API server takes, and those that a header can carry. */
const GIVEN_ID = /^[\x21-\x7e]{1,64}$/;

export class AuditTrail {
  /** Also in the answer's `Audit-Id` header. */
  readonly id: string;
  readonly #sink: AuditSink;
  readonly #clock: Clock;
  readonly #request: AuditedRequest;
  readonly #record: RequestRecord;

  constructor(sink: AuditSink, clock: Clock, request: IncomingMessage, record: RequestRecord) {
    const { "audit-id": given } = request.headers;
    this.id = typeof given === "string" && GIVEN_ID.test(given) ? given : newUid();
    this.#sink = sink;
    this.#clock = clock;
    this.#record = record;
    this.#request = {
      auditID: this.id,
      method: request.method ?? "GET",
      uri: request.url ?? "/",
      headers: request.headers,
      // Gone with the connection, so it is read now.
      remoteAddress: request.socket.remoteAddress,
      receivedMs: clock.now(),
    };
    record.onStarted = () => this.#write("ResponseStarted", record.startedCode);
  }

  /** `code` is undefined when the client left before it had an answer. */
  completed(code: number | undefined): void {
    this.#write("ResponseComplete", code);
  }

  #write(stage: AuditStage, code: number | undefined): void {
    const event = auditEvent(this.#request, this.#record, { stage, ms: this.#clock.now(), code });
    this.#sink.write(JSON.stringify(event));
  }
}
