/** Where a list goes on: `continue` in and out. Kubernetes: apiserver storage/continue.go. */
import { isRecord } from "../../../api/record.ts";
import { badRequest } from "../../../api/status.ts";

const ENCODING = "meta.k8s.io/v1";

export interface ContinueToken {
  /** The version that the whole list is of; undefined = whatever is now, which need not fit to what was listed before. */
  readonly version?: string;
  /** The namespace and name of the last object that was listed. */
  readonly after: { readonly namespace: string; readonly name: string };
}

export function encodeContinue({ version, after }: ContinueToken): string {
  const rv = version === undefined ? -1 : Number(version);
  return Buffer.from(JSON.stringify({ v: ENCODING, rv, start: `${after.namespace}/${after.name}` })).toString(
    "base64url",
  );
}

/** Throws `InvalidArgument` for what this server has not handed out. */
export function decodeContinue(text: string): ContinueToken {
  const token = parse(text);
  if (token["v"] !== ENCODING) {
    throw badRequest(
      `invalid continue token: continue key is not valid: server does not recognize this encoded version ${String(token["v"])}`,
    );
  }
  const { rv, start } = token;
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv < -1 || rv === 0) {
    throw badRequest(
      "invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
    );
  }
  const [namespace, name, ...rest] = typeof start === "string" ? start.split("/") : [];
  if (namespace === undefined || !name || rest.length > 0) {
    throw badRequest(
      "invalid continue token: continue key is not valid: encoded start key empty (version meta.k8s.io/v1)",
    );
  }
  return { ...(rv === -1 ? {} : { version: String(rv) }), after: { namespace, name } };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const token: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    if (isRecord(token)) return token;
  } catch {
    // Said below.
  }
  throw badRequest("invalid continue token: continue key is not valid");
}
