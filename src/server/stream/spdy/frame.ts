/**
 * The frames of SPDY/3.1 and how the server's own are written. Eight bytes of head: a control frame has its top bit set, then
 * version and type; a data frame has the stream's id; both then have 8 bits of flags and 24 bits of length.
 * SPDY/3.1: chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1, §2.2 and §2.6.
 */
import { DICTIONARY_ID } from "./dictionary.ts";

export const VERSION = 3;
export const HEAD_BYTES = 8;
/** Longest control frame that is taken, in bytes behind its head. Kubernetes' clients send about 100. */
export const CONTROL_FRAME_BYTES_MAX = 16 * 1024;
/** Longest data frame that is sent, in bytes behind its head, so that the streams of a connection take turns. */
export const DATA_FRAME_BYTES_MAX = 64 * 1024;

export const FRAME_TYPE = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

/** The flag of SYN_STREAM, HEADERS and data frames: the sender's half of the stream ends with this frame. */
export const FLAG_FIN = 1;
/** The flag of SYN_STREAM: the receiver may not write. */
export const FLAG_UNIDIRECTIONAL = 2;

/** Why a stream is reset (RST_STREAM). */
export const RESET = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5 } as const;
/** Why the connection ends (GOAWAY). */
export const GO_AWAY = { ok: 0, protocolError: 1 } as const;

/** A control frame, whole. */
export interface ControlFrame {
  readonly kind: "control";
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/** A data frame or a piece of one: a long frame is passed on as its bytes come in. */
export interface DataFrame {
  readonly kind: "data";
  readonly streamId: number;
  readonly payload: Buffer;
  /** The peer's half of the stream ends behind this piece. */
  readonly fin: boolean;
}

/** The peer broke the protocol; the connection can not go on. */
export class MalformedFrame extends Error {
  override readonly name = "MalformedFrame";
}

export function dataHead(streamId: number, bytes: number, fin: boolean): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32BE(streamId);
  head.writeUInt32BE(bytes, 4);
  head[4] = fin ? FLAG_FIN : 0;
  return head;
}

/**
 * Headers are compressed in one context per direction. All of ours are empty lists, so there is nothing to compress: the
 * context's head names the dictionary (RFC 1950 §2.2), and each list is a stored block and the empty block of a sync flush
 * (RFC 1951 §3.2.4), which is the same bytes every time and needs no compressor.
 */
const COMPRESSION_HEAD = Buffer.from([0x78, 0xbb, ...uint32(DICTIONARY_ID)]);
const EMPTY_HEADERS = Buffer.from([0x00, 4, 0, 0xfb, 0xff, ...uint32(0), 0x00, 0, 0, 0xff, 0xff]);

/** SYN_REPLY without headers; `first` of the connection. */
export function synReply(streamId: number, first: boolean): Buffer {
  const headers = first ? [COMPRESSION_HEAD, EMPTY_HEADERS] : [EMPTY_HEADERS];
  return control(FRAME_TYPE.synReply, uint32(streamId), ...headers);
}

export function rstStream(streamId: number, status: number): Buffer {
  return control(FRAME_TYPE.rstStream, uint32(streamId), uint32(status));
}

export function ping(id: number): Buffer {
  return control(FRAME_TYPE.ping, uint32(id));
}

export function goAway(lastStreamId: number, status: number): Buffer {
  return control(FRAME_TYPE.goAway, uint32(lastStreamId), uint32(status));
}

/** Gives the peer leave to send `bytes` more on a stream. */
export function windowUpdate(streamId: number, bytes: number): Buffer {
  return control(FRAME_TYPE.windowUpdate, uint32(streamId), uint32(bytes));
}

function control(type: number, ...payload: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt16BE(0x8000 | VERSION);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(
    payload.reduce((sum, part) => sum + part.length, 0),
    4,
  );
  return Buffer.concat([head, ...payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
