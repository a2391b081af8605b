/** Between grpc-js, which carries bytes, and handlers, which take and give messages. */
import { once } from "node:events";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { handleServerStreamingCall, handleUnaryCall, ServiceDefinition, UntypedHandleCall } from "@grpc/grpc-js";

import { messageOf, MinkeError } from "../../base/errors.ts";
import type { Call, CriNode } from "./context.ts";
import { grpcError } from "./grpc-status.ts";

/** Answers one message. What it throws becomes the status of the call. */
export type UnaryHandler<I extends DescMessage, O extends DescMessage> = (
  node: CriNode,
  request: MessageShape<I>,
  call: Call,
) => Promise<MessageInitShape<O>>;

/** Answers any number of messages. */
export type StreamHandler<I extends DescMessage, O extends DescMessage> = (
  node: CriNode,
  request: MessageShape<I>,
  call: Call,
) => AsyncIterable<MessageInitShape<O>>;

/** One handler per method of a generated service: a missing one is a type error. */
export type Handlers<S extends { readonly method: Readonly<Record<string, DescMethod>> }> = {
  readonly [K in keyof S["method"]]: S["method"][K]["methodKind"] extends "server_streaming"
    ? StreamHandler<S["method"][K]["input"], S["method"][K]["output"]>
    : UnaryHandler<S["method"][K]["input"], S["method"][K]["output"]>;
};

type AnyHandler = (node: CriNode, request: MessageShape<DescMessage>, call: Call) => unknown;

/** What grpc-js wants to know of a service. Messages stay bytes there, so that one that can not be read is our answer. */
export function definitionOf(service: DescService): ServiceDefinition {
  const asIs = (bytes: Buffer): Buffer => bytes;
  const methods = service.methods.map((method) => [
    method.localName,
    {
      path: `/${service.typeName}/${method.name}`,
      requestStream: false,
      responseStream: method.methodKind === "server_streaming",
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  ]);
  return Object.fromEntries(methods) as ServiceDefinition;
}

/** The handlers of a service in the form that grpc-js calls. */
export function implementationOf(
  node: CriNode,
  service: DescService,
  handlers: Readonly<Record<string, unknown>>,
): Record<string, UntypedHandleCall> {
  return Object.fromEntries(
    service.methods.map((method) => {
      const handler = handlers[method.localName] as AnyHandler;
      return [
        method.localName,
        method.methodKind === "unary" ? unary(node, method, handler) : stream(node, method, handler),
      ];
    }),
  );
}

function unary(node: CriNode, method: DescMethod, handler: AnyHandler): handleUnaryCall<Buffer, Buffer> {
  return (call, callback) => {
    void (async () => {
      using log = logged(node, method);
      try {
        const reply = await handler(node, decode(method, call.request), { signal: signalOf(call) });
        callback(null, encode(method, reply));
      } catch (error) {
        log.failed(error);
        callback(grpcError(error));
      }
    })();
  };
}

function stream(node: CriNode, method: DescMethod, handler: AnyHandler): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => {
    void (async () => {
      using log = logged(node, method);
      const signal = AbortSignal.any([signalOf(call), node.closing]);
      try {
        const replies = handler(node, decode(method, call.request), { signal }) as AsyncIterable<unknown>;
        for await (const reply of replies) {
          if (!call.write(encode(method, reply))) await once(call, "drain", { signal });
        }
        // A list that was cut short must not look whole.
        signal.throwIfAborted();
        call.end();
      } catch (caught) {
        const error: unknown = signal.aborted ? signal.reason : caught;
        log.failed(error);
        call.emit("error", grpcError(error));
      }
    })();
  };
}

/** Aborts with the reason that the handler's error should have. */
function signalOf(call: {
  readonly cancelled: boolean;
  on(event: "cancelled", listener: () => void): unknown;
}): AbortSignal {
  const controller = new AbortController();
  const abort = (): void =>
    controller.abort(
      new MinkeError("Cancelled", "Cannot go on: the client cancelled the call, or its deadline passed"),
    );
  call.on("cancelled", abort);
  if (call.cancelled) abort();
  return controller.signal;
}

function decode(method: DescMethod, bytes: Buffer): MessageShape<DescMessage> {
  try {
    return fromBinary(method.input, bytes);
  } catch (cause) {
    throw new MinkeError("InvalidArgument", `Cannot read the ${method.input.name}: ${messageOf(cause)}`, { cause });
  }
}

function encode(method: DescMethod, reply: unknown): Buffer {
  return Buffer.from(toBinary(method.output, create(method.output, reply as MessageInitShape<DescMessage>)));
}

/** One line per call, without its content: a request may hold secrets. */
function logged(node: CriNode, method: DescMethod): Disposable & { failed(error: unknown): void } {
  const startMs = node.clock.monotonic();
  let why: string | undefined;
  return {
    failed: (error) => (why = messageOf(error)),
    [Symbol.dispose]: () => {
      const ms = Math.round(node.clock.monotonic() - startMs);
      node.log.debug({ rpc: method.name, ms, ...(why === undefined ? {} : { why }) }, "Answered a CRI call");
    },
  };
}
