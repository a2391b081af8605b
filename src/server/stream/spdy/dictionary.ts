/**
 * The dictionary that both sides of SPDY/3 prime their header compression with. SPDY/3.1 §2.6.10.1: names of HTTP headers,
 * each behind its length as 32 bits, then fragments of common values, one behind the other.
 */

const NAMES = `
  options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow
  authorization cache-control connection content-base content-encoding content-language content-length content-location
  content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range
  if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer
  retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status
`;
const NAMES_AND_VALUES = [...NAMES.trim().split(/\s+/), "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie"];
const LAST_NAMES = ["keep-alive", "origin"];

const FRAGMENTS = [
  "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505",
  "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden",
  "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable",
  "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT",
  "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,",
  "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.",
];

/** Its Adler-32, by which a compressed stream names it (RFC 1950 §2.2, DICTID). */
export const DICTIONARY_ID = 0xe3c6a7c2;

export const DICTIONARY = Buffer.concat([
  ...[...NAMES_AND_VALUES, ...LAST_NAMES].flatMap((text) => [uint32(text.length), Buffer.from(text)]),
  ...FRAGMENTS.map((text) => Buffer.from(text)),
]);

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
