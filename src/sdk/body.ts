/** Reading of response bodies. */
import { MinkeError } from "../base/errors.ts";

/** The longest line (one watch event) and the longest whole body that the client holds in memory. */
export const BODY_MAX_BYTES = 256 * 1024 * 1024;

/** The whole body as text. Rejects with `ResourceExhausted` above {@link BODY_MAX_BYTES}. */
export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > BODY_MAX_BYTES) throw tooLong("response");
    parts.push(decoder.decode(chunk, { stream: true }));
  }
  return parts.join("") + decoder.decode();
}

/** The lines of a body without their line ends; a last line without one counts too, empty lines do not. */
export async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true });
    if (!text.includes("\n")) {
      rest += text;
      if (rest.length > BODY_MAX_BYTES) throw tooLong("line of the response");
      continue;
    }
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield line;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

function tooLong(what: string): MinkeError {
  return new MinkeError("ResourceExhausted", `Cannot read the ${what}: it is longer than ${BODY_MAX_BYTES} bytes`);
}
