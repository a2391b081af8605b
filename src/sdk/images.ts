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

/** One step of a pull or push. */
export interface ImageProgress {
  readonly message: string;
  readonly currentBytes?: number;
  readonly totalBytes?: number;
  /** Every layer of the image, lowest first. */
  readonly layers?: readonly LayerProgress[];
}

export interface LayerProgress {
  readonly digest: string;
  /** `present`: it was there already. */
  readonly state: "waiting" | "pulling" | "pushing" | "unpacking" | "present" | "done";
  readonly currentBytes: number;
  readonly totalBytes: number;
}

export interface RemoteOptions {
  /** False: any certificate of the registry will do, and none. Default: true. */
  readonly verifyTls?: boolean;
  /** Ends the work at the node too. */
  readonly signal?: AbortSignal;
}

export interface PullOptions extends RemoteOptions {
  /** `linux/arm64`, `linux/arm/v7`. Default: the node's. */
  readonly platform?: string;
}

export interface PushOptions extends RemoteOptions {
  /** The name that it gets in its registry. Default: its own. */
  readonly target?: string;
}

export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

/** What a registry has now. */
export interface PushedImage {
  readonly name: string;
  /** Of the manifest. */
  readonly digest: string;
}

export type ArchiveFormat = "oci-archive" | "docker-archive";

/** One step of an image's making. */
export interface HistoryStep {
  /** Milliseconds since the epoch; 0 when the image does not say. */
  readonly createdMs: number;
  readonly createdBy: string;
  readonly comment: string;
  readonly sizeBytes: number;
  /** Digest of the layer's blob, when the step made one. */
  readonly layer?: string;
}

export interface DiskUsageRow {
  readonly type: "blobs" | "layers" | "partial";
  readonly total: number;
  readonly active: number;
  readonly sizeBytes: number;
  readonly reclaimableBytes: number;
}

export interface DiskUsage {
  readonly images: { readonly total: number; readonly active: number };
  readonly rows: readonly DiskUsageRow[];
}

export interface VerifiedImage {
  readonly id: string;
  readonly names: readonly string[];
  readonly problems: readonly string[];
}

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
  /** Makes `reference` what its registry has under it now. */
  pull(reference: string, options?: PullOptions): Promise<Image>;
  /** As {@link pull}, step by step; returns the image. Leaving the loop ends the pull. */
  pullSteps(reference: string, options?: PullOptions): AsyncGenerator<ImageProgress, Image>;
  /** Gives an image to the registry in its name. */
  push(reference: string, options?: PushOptions): Promise<PushedImage>;
  /** As {@link push}, step by step; returns what the registry has. Leaving the loop ends the push. */
  pushSteps(reference: string, options?: PushOptions): AsyncGenerator<ImageProgress, PushedImage>;
  /** How an image came to be, newest step first. */
  history(reference: string): Promise<readonly HistoryStep[]>;
  /** What the node's images take on its disk. */
  diskUsage(): Promise<DiskUsage>;
  /** Reads and digests all content of an image, or of all images. */
  verify(reference?: string): Promise<readonly VerifiedImage[]>;
  /** Keeps a password for a registry at the node, once the registry has taken it; resolves with where. */
  login(registry: string, login: RegistryLogin, options?: RemoteOptions): Promise<string>;
  /** Makes the node forget its passwords for a registry; resolves with where they were. */
  logout(registry: string): Promise<readonly string[]>;
}

/** Binds the images' verbs to a node. */
export function imageClient(http: Http): ImageClient {
  const url = (path: string, query: Readonly<Record<string, QueryValue>> = {}): string =>
    withQuery(`${ROOT}/${path}`, query);
  const tar = "application/x-tar";
  const pullSteps = (reference: string, options: PullOptions = {}): AsyncGenerator<ImageProgress, Image> => {
    const query = { reference, platform: options.platform, tlsVerify: options.verifyTls };
    return steps<Image>(http, url("images/pull", query), "image", options.signal);
  };
  const pushSteps = (reference: string, options: PushOptions = {}): AsyncGenerator<ImageProgress, PushedImage> => {
    const query = { reference, target: options.target, tlsVerify: options.verifyTls };
    return steps<PushedImage>(http, url("images/push", query), "pushed", options.signal);
  };
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
    pull: (reference, options) => lastOf(pullSteps(reference, options)),
    pullSteps,
    push: (reference, options) => lastOf(pushSteps(reference, options)),
    pushSteps,
    history: async (reference) =>
      (await http.json<{ items: readonly HistoryStep[] }>("GET", url("images/history", { reference }))).items,
    diskUsage: () => http.json<DiskUsage>("GET", url("images/disk-usage")),
    verify: async (reference) =>
      (await http.json<{ items: readonly VerifiedImage[] }>("POST", url("images/verify", { reference }))).items,
    login: async (registry, { username, password }, { verifyTls, signal } = {}) => {
      const path = url("images/login", { registry, tlsVerify: verifyTls });
      const body = { username, password };
      return (await http.json<{ keptIn: string }>("POST", path, { body, ...(signal ? { signal } : {}) })).keptIn;
    },
    logout: async (registry) =>
      (await http.json<{ removedFrom: readonly string[] }>("POST", url("images/logout", { registry }))).removedFrom,
  };
}

/** Reads JSON lines of progress up to the result, which the last one holds under `result`. */
async function* steps<T>(
  http: Http,
  path: string,
  result: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ImageProgress, T> {
  const response = await http.stream("POST", path, signal ? { signal } : {});
  for await (const line of linesOf(response.body)) {
    const step = JSON.parse(line) as Partial<ImageProgress & Omit<Status, "message">> &
      Readonly<Record<string, unknown>>;
    if (step[result] !== undefined) return step[result] as T;
    if (step.kind === "Status" || step.status === "Failure") throw errorOfStatus(step);
    if (step.message !== undefined) yield step as ImageProgress;
  }
  throw errorOfStatus({ reason: "InternalError", message: "the node ended its answer without a result" });
}

/** What a generator returns. */
async function lastOf<T>(generator: AsyncGenerator<unknown, T>): Promise<T> {
  for (;;) {
    const { done, value } = await generator.next();
    if (done === true) return value;
  }
}

function importQuery(options: ImageImport): Readonly<Record<string, QueryValue>> {
  const { workingDir, ports, ...rest } = options;
  return { ...rest, workdir: workingDir, port: ports };
}
