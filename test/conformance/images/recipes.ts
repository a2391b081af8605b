/**
 * The images that critest and crictl's own tests ask for, as recipes: what each must hold so that every spec can tell right
 * from wrong. The names are the originals', the content is made here from Debian's busybox and nginx, because a test of
 * a runtime must not depend on a registry in the world. What a spec needs of its image was read off cri-tools v1.37.0,
 * `pkg/validate` and `pkg/benchmark`.
 */
import type { LayerEntry } from "./layer.ts";

/** Layers that are shared: none, Debian's busybox, a minimal Debian with nginx and busybox's grep. */
export type Base = "scratch" | "busybox" | "nginx";

export interface Recipe {
  /** Full names with tags; all of them are this one image. */
  readonly names: readonly string[];
  readonly base: Base;
  readonly files: readonly LayerEntry[];
  /** Name of a program in `programs/`, compiled as one static file, and its place in the image. */
  readonly program?: { readonly source: string; readonly path: string; readonly mode: number };
  readonly user?: string;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
}

const CRI_TOOLS = "gcr.io/k8s-staging-cri-tools";
const E2E = "registry.k8s.io/e2e-test-images";
/** As Go calls the architecture: a part of one image's name. */
export const ARCHITECTURE = process.arch === "x64" ? "amd64" : process.arch;

/** The image that a spec pulls by its digest: critest knows the original's, so it has to be told ours (build-critest.ts). */
export const DIGEST_IMAGE = `${CRI_TOOLS}/test-image-digest`;

const RUN_NGINX = ["nginx", "-g", "daemon off;"] as const;

function text(path: string, content: string, mode = 0o644): LayerEntry {
  return { type: "file", path, content: Buffer.from(content), mode };
}

/** A busybox with one file more, as cri-tools makes its test images: content of its own, and hence an id of its own. */
function marked(name: string, marker: string, options: Partial<Recipe> = {}): Recipe {
  return { names: [name], base: "busybox", files: [text(marker, "")], cmd: ["sh"], ...options };
}

function nginxOn(port: number): LayerEntry {
  const page = 'return 200 "nginx\\n";';
  const site = `server {\n  listen ${port};\n  location / { default_type text/plain; ${page} }\n}\n`;
  return text("etc/nginx/conf.d/default.conf", site);
}

export const RECIPES: readonly Recipe[] = [
  marked(`${E2E}/busybox:1.29-2`, "busybox"),
  { names: [`${E2E}/nginx:1.14-2`], base: "nginx", files: [nginxOn(80)], cmd: RUN_NGINX },
  {
    names: [`${CRI_TOOLS}/hostnet-nginx-${ARCHITECTURE}:latest`],
    base: "nginx",
    files: [nginxOn(12003)],
    cmd: RUN_NGINX,
  },
  {
    names: [`${E2E}/httpd:2.4.39-4`],
    base: "busybox",
    files: [
      { type: "folder", path: "www", mode: 0o755 },
      text("www/index.html", "It works!\n"),
      // The spec reads the word in the container's log.
      text("bin/serve", "#!/bin/sh\necho 'httpd: serving /www on port 80'\nexec httpd -f -p 80 -h /www\n", 0o755),
    ],
    cmd: ["serve"],
  },
  {
    names: [`${E2E}/nonewprivs:1.3`],
    base: "busybox",
    files: [],
    program: { source: "effective-uid.c", path: "bin/nnp", mode: 0o4755 },
    cmd: ["nnp"],
  },
  {
    names: ["registry.k8s.io/pause:3.9", "k8s.gcr.io/pause:3.9"],
    base: "scratch",
    files: [],
    program: { source: "pause.c", path: "pause", mode: 0o755 },
    user: "65535:65535",
    entrypoint: ["/pause"],
  },
  {
    // containerd's sandbox image. Content of its own: a spec counts the names of pause:3.9.
    names: ["registry.k8s.io/pause:3.6"],
    base: "scratch",
    files: [text("3.6", "")],
    program: { source: "pause.c", path: "pause", mode: 0o755 },
    entrypoint: ["/pause"],
  },
  marked(`${CRI_TOOLS}/test-image-tag:test`, "test"),
  marked(`${CRI_TOOLS}/test-image-tag:all`, "all"),
  marked(`${CRI_TOOLS}/test-image-latest:latest`, "latest"),
  // On no base, so that a new version of Debian's busybox does not give it another digest.
  marked(`${DIGEST_IMAGE}:latest`, "digest", { base: "scratch" }),
  ...["1", "2", "3"].map((n) => marked(`${CRI_TOOLS}/test-image-${n}:latest`, n)),
  marked("", "tags", { names: ["1", "2", "3"].map((tag) => `${CRI_TOOLS}/test-image-tags:${tag}`) }),
  marked(`${CRI_TOOLS}/test-image-user-uid:latest`, "uid", { user: "1002" }),
  marked(`${CRI_TOOLS}/test-image-user-username:latest`, "username", { user: "www-data" }),
  marked(`${CRI_TOOLS}/test-image-user-uid-group:latest`, "uid-group", { user: "1003:1004" }),
  marked(`${CRI_TOOLS}/test-image-user-username-group:latest`, "username-group", { user: "www-data:1004" }),
  marked(`${CRI_TOOLS}/test-image-predefined-group:latest`, "predefined-group", {
    files: [
      text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndefault-user:x:1000:1000::/tmp:/bin/sh\n"),
      text("etc/group", "root:x:0:\ndefault-user:x:1000:\ngroup-defined-in-image:x:50000:default-user\n"),
    ],
    user: "1000",
  }),
  ...["1.35.0-glibc", "1-uclibc", "1", "1-glibc", "1-musl"].map((tag) =>
    marked(`public.ecr.aws/docker/library/busybox:${tag}`, `busybox-${tag}`),
  ),
];

/** Hosts in the names, which the runtime under test has to be sent to the local registry for. */
export function registryHosts(): readonly string[] {
  return [...new Set(RECIPES.flatMap(({ names }) => names.map((name) => name.slice(0, name.indexOf("/")))))];
}
