/**
 * Content negotiation: in which form a client wants its answer. Kubernetes: apiserver endpoints/handlers/negotiation. Objects
 * are served as JSON and YAML; not as protobuf, which every client can do without.
 */
import { MinkeError } from "../../base/errors.ts";
import type { RequestContext } from "./context.ts";
import { isTrue } from "./request-info.ts";

const CONVERSIONS = ["Table", "PartialObjectMetadata", "PartialObjectMetadataList"] as const;
export type Conversion = (typeof CONVERSIONS)[number];

export interface OutputForm {
  readonly format: "json" | "yaml";
  /** What objects are turned into before they are sent. */
  readonly as?: Conversion;
  /** Of `as`: the version of `meta.k8s.io`. */
  readonly version: "v1" | "v1beta1";
  /** With line breaks and an indent, for people. */
  readonly pretty: boolean;
}

export const PLAIN: OutputForm = { format: "json", version: "v1", pretty: false };

const FORMATS = { json: "application/json", yaml: "application/yaml" } as const;

/** Clients that people look at. */
const FOR_PEOPLE = /^(curl|Wget|Mozilla\/5\.0)/;

interface Offer {
  readonly type: string;
  readonly subtype: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/**
 * The best of what the client accepts and the server has; conversions only for `objects`, and no YAML in a `stream`. Throws
 * `NotAcceptable` (406) when there is nothing.
 */
export function outputFormOf(
  { request, query }: Pick<RequestContext, "request" | "query">,
  kind: "objects" | "stream" | "document" = "objects",
): OutputForm {
  const accept = request.headers.accept ?? "";
  const human = query.get("pretty") || !FOR_PEOPLE.test(request.headers["user-agent"] ?? "") ? undefined : true;
  const pretty = human ?? isTrue(query.get("pretty") || null);
  if (accept.trim() === "") return { ...PLAIN, pretty };
  const formats = kind === "stream" ? (["json"] as const) : (["json", "yaml"] as const);
  for (const offer of offersIn(accept)) {
    for (const format of formats) {
      if (!matches(offer, format)) continue;
      const conversion = conversionOf(offer.parameters);
      if (conversion === undefined || (conversion.as && kind === "document")) continue;
      return { format, ...conversion, pretty: pretty || offer.parameters.get("pretty") === "1" };
    }
  }
  throw notAcceptable(formats.map((format) => FORMATS[format] + (kind === "stream" ? ";stream=watch" : "")));
}

function notAcceptable(types: readonly string[]): MinkeError {
  return new MinkeError("InvalidArgument", `only the following media types are accepted: ${types.join(", ")}`, {
    reason: "NotAcceptable",
  });
}

/** The media ranges of an `Accept` header, the most wanted first and of equals the most exact. */
function offersIn(accept: string): Offer[] {
  const offers = accept.split(",").map((text): Offer => {
    const [range = "", ...rest] = text.split(";").map((part) => part.trim());
    const [type = "", subtype = ""] = range.toLowerCase().split("/");
    const parameters = new Map(
      rest.map((part): [string, string] => {
        const [name = "", value = ""] = part.split("=", 2);
        return [name.trim(), value.trim().replace(/^"(.*)"$/, "$1")];
      }),
    );
    const quality = Number(parameters.get("q") ?? 1);
    return { type, subtype, parameters, quality: Number.isFinite(quality) ? quality : 1 };
  });
  const wild = ({ type, subtype }: Offer): number => (type === "*" ? 2 : subtype === "*" ? 1 : 0);
  return offers.toSorted((a, b) => b.quality - a.quality || wild(a) - wild(b));
}

function matches({ type, subtype }: Offer, format: OutputForm["format"]): boolean {
  return (type === "application" && (subtype === format || subtype === "*")) || (type === "*" && subtype === "*");
}

/** What the parameters ask for; undefined when that is something nobody serves. */
function conversionOf(parameters: ReadonlyMap<string, string>): Pick<OutputForm, "as" | "version"> | undefined {
  const stream = parameters.get("stream");
  if (stream && stream !== "watch") return undefined;
  if (!["as", "g", "v"].some((name) => parameters.has(name))) return { version: "v1" };
  const as = CONVERSIONS.find((each) => each === parameters.get("as"));
  const version = parameters.get("v");
  if (!as || parameters.get("g") !== "meta.k8s.io" || (version !== "v1" && version !== "v1beta1")) return undefined;
  return { as, version };
}

/** Loads what a form needs that only few clients ask for. */
export async function prepareForm({ format }: OutputForm): Promise<void> {
  if (format === "yaml" && !formatYaml) ({ formatYaml } = await import("../../api/yaml.ts"));
}

let formatYaml: ((value: unknown) => string) | undefined;

/** The body and its media type. YAML only after {@link prepareForm}; JSON, which is YAML too, until then. */
export function encode(
  value: unknown,
  { format, pretty }: OutputForm,
): { readonly text: string; readonly type: string } {
  if (format === "yaml") return { text: formatYaml?.(value) ?? JSON.stringify(value), type: FORMATS.yaml };
  return { text: pretty ? JSON.stringify(value, undefined, 2) : JSON.stringify(value), type: FORMATS.json };
}
