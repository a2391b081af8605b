/** Base64 as Kubernetes' JSON carries bytes; without Node's Buffer, since this folder also runs in browsers. */

/** True for standard base64 with padding. Line breaks inside are allowed, as in Go's decoder. */
export function isBase64(text: string): boolean {
  const bare = text.includes("\n") || text.includes("\r") ? text.replace(/[\r\n]/g, "") : text;
  return bare.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(bare);
}

export function bytesOfBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text.replace(/[\r\n]/g, "")), (char) => char.charCodeAt(0));
}

export function base64OfText(text: string): string {
  return base64OfBytes(new TextEncoder().encode(text));
}

export function base64OfBytes(bytes: Uint8Array): string {
  const chunks: string[] = [];
  // In pieces: a call with more arguments than this overflows the stack.
  for (let at = 0; at < bytes.length; at += 8192) chunks.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  return btoa(chunks.join(""));
}

/** How many bytes the text decodes to. */
export function base64Length(text: string): number {
  const bare = text.replace(/[\r\n=]/g, "");
  return Math.floor((bare.length * 3) / 4);
}
