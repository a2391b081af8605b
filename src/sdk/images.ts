/** The node's images. Shapes as in src/runtime/image.ts, on the wire as JSON. */
import type { Status } from "../api/gen/types.ts";
import { isMinkeError } from "../base/errors.ts";
import { linesOf } from "./body.ts";
import type { Http } from "./http.ts";
import { type QueryValue, withQuery } from "./query.ts";
import { errorOfStatus } from "./status-error.ts";

const ROOT = "/apis/node.minke.dev/v1alpha1";

export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly exposedPorts: readonly string[];
  readonly stopSignal?: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Image {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  readonly createdMs: number;
  readonly architecture: string;
  readonly os: string;
  readonly config: ImageConfig;
  readonly manifestDigest: string;
  readonly diffIds: readonly string[];
}

export interface ImageImport {
  readonly name: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly env?: readonly string[];
  readonly workingDir?: string;
  readonly user?: string;
  readonly ports?: readonly string[];
}

export interface ImageProgress {
  readonly message: string;
  readonly currentBytes?: number;
  readonly totalBytes?: number;
}

export type ArchiveFormat = "oci-archive" | "docker-archive";

export interface ImageClient {
  list(): Promise<readonly Image[]>;
  /** By name or id; rejects with `NotFound`. */
  get(reference: string): Promise<Image>;
  /** As {@link get}, but undefined when there is none. */
  find(reference: string): Promise<Image | undefined>;
  /** Makes an image of a root file system's tar (plain, gzip or zstd). */
  import(tar: AsyncIterable<Uint8Array>, options: ImageImport): Promise<Image>;
  /** Loads the images of an OCI or docker archive. */
  load(archive: AsyncIterable<Uint8Array>): Promise<readonly Image[]>;
  /** An archive of one image. */
  save(reference: string, format?: ArchiveFormat): AsyncIterable<Uint8Array>;
  tag(source: string, target: string): Promise<Image>;
  remove(reference: string): Promise<void>;
  prune(options?: {
    readonly all?: boolean;
  }): Promise<{ readonly removed: readonly string[]; readonly freedBytes: number }>;
  pull(reference: string, onProgress?: (progress: ImageProgress) => void, signal?: AbortSignal): Promise<Image>;
}

/** Binds the images' verbs to a node. */
export function imageClient(http: Http): ImageClient {
  const url = (path: string, query: Readonly<Record<string, QueryValue>> = {}): string =>
    withQuery(`${ROOT}/${path}`, query);
  const tar = "application/x-tar";
  const get = (reference: string): Promise<Image> => http.json<Image>("GET", url("image", { reference }));
  return {
    list: async () => (await http.json<{ items: readonly Image[] }>("GET", url("images"))).items,
    get,
    find: (reference) =>
      get(reference).catch((error: unknown) => {
        if (isMinkeError(error, "NotFound")) return undefined;
        throw error;
      }),
    import: (body, options) =>
      http.json<Image>("POST", url("images/import", importQuery(options)), { raw: body, contentType: tar }),
    load: async (body) =>
      (await http.json<{ items: readonly Image[] }>("POST", url("images/load"), { raw: body, contentType: tar })).items,
    async *save(reference, format = "oci-archive") {
      yield* (await http.stream("GET", url("images/save", { reference, format }), { accept: tar })).body;
    },
    tag: (source, target) => http.json<Image>("POST", url("images/tag", { source, target })),
    remove: async (reference) => void (await http.json("DELETE", url("image", { reference }))),
    prune: (options = {}) => http.json("POST", url("images/prune", { all: options.all === true ? true : undefined })),
    pull: (reference, onProgress, signal) => pull(http, url("images/pull", { reference }), onProgress, signal),
  };
}

async function pull(
  http: Http,
  path: string,
  onProgress: (progress: ImageProgress) => void = () => {},
  signal?: AbortSignal,
): Promise<Image> {
  const response = await http.stream("POST", path, signal ? { signal } : {});
  for await (const line of linesOf(response.body)) {
    const step = JSON.parse(line) as Partial<ImageProgress & Omit<Status, "message">> & { readonly image?: Image };
    if (step.image) return step.image;
    if (step.kind === "Status" || step.status === "Failure") throw errorOfStatus(step);
    if (step.message !== undefined) onProgress(step as ImageProgress);
  }
  throw errorOfStatus({ reason: "InternalError", message: "the node ended the pull without an image" });
}

function importQuery(options: ImageImport): Readonly<Record<string, QueryValue>> {
  const { workingDir, ports, ...rest } = options;
  return { ...rest, workdir: workingDir, port: ports };
}
