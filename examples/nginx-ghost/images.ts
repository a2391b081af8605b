/** The two images of this example: what to build and how to import it. Read by build-images.ts and by `npm start`. */
import { join } from "node:path";

/** One image: a root file system as a tar archive, and what `minke image import TAR NAME …` has to be told about it. */
export interface ExampleImage {
  /** The name that the manifest's short name finds: `nginx` means `localhost/nginx` first. */
  readonly name: string;
  readonly tar: string;
  /** Flags of `minke image import`. */
  readonly importFlags: readonly string[];
}

/** Debian packages that building needs on this machine; the rest comes from npm. */
export const BUILD_PACKAGES: readonly string[] = ["mmdebstrap", "debian-archive-keyring", "make", "g++", "python3"];

/** The images, whose archives `build-images.ts --out <directory>` writes. */
export function exampleImages(directory: string): readonly ExampleImage[] {
  return [
    {
      name: "localhost/nginx",
      tar: join(directory, "nginx.tar"),
      importFlags: ["--entrypoint=nginx", "--cmd=-g", "--cmd=daemon off;", "--port=80/tcp"],
    },
    {
      name: "localhost/ghost",
      tar: join(directory, "ghost.tar"),
      importFlags: [
        "--entrypoint=ghost-start",
        "--env=NODE_ENV=production",
        "--workdir=/opt/ghost",
        "--user=1000:1000",
        "--port=2368/tcp",
      ],
    },
  ];
}
