/** Which images this machine can run, in the words that images use (Go's GOARCH). */
import { MinkeError } from "../base/errors.ts";
import type { Descriptor, Platform } from "./image-format.ts";

const KERNEL_NAMES: Readonly<Record<string, string>> = { x86_64: "amd64", aarch64: "arm64", i386: "386", armhf: "arm" };
const GO_NAMES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };

/** This machine's architecture as an image says it. */
export function hostArchitecture(): string {
  return GO_NAMES[process.arch] ?? process.arch;
}

/** Whether an image for `architecture` can run here. An image that does not say gets the benefit of the doubt. */
export function runsOn(architecture: string, host: string = hostArchitecture()): boolean {
  return architecture === "" || architecture === host || (host === "amd64" && architecture === "386");
}

/** Rejects an image that is not for `wanted` (by default this machine), naming both architectures. */
export function requirePlatform(
  image: string,
  platform: { readonly architecture: string; readonly os: string },
  wanted?: Platform,
): void {
  const { os, architecture } = wanted ?? { os: "linux", architecture: hostArchitecture() };
  if (runsOn(platform.architecture, architecture) && (platform.os === "" || platform.os === os)) return;
  const [built, needed] = [`${platform.os || "linux"}/${platform.architecture}`, `${os}/${architecture}`];
  throw new MinkeError(
    "FailedPrecondition",
    wanted
      ? `Cannot use image ${image} for ${needed}: it is built for ${built} only`
      : `Cannot use image ${image}: it is built for ${built}, and this machine is ${needed}; get the image for ${needed}`,
    { reason: "ErrImagePull", details: { image, ...platform } },
  );
}

/** Reads `linux/arm64` or `linux/arm/v7`, in Go's words or the kernel's. Rejects with `InvalidArgument`. */
export function parsePlatform(text: string): Platform {
  const [, os, architecture, variant] = /^([a-z0-9]+)\/([a-z0-9_]+)(?:\/(v\d+))?$/.exec(text) ?? [];
  if (os === undefined || architecture === undefined) {
    throw new MinkeError(
      "InvalidArgument",
      `Cannot use platform "${text}": write OS/ARCHITECTURE, such as linux/arm64`,
    );
  }
  return {
    os,
    architecture: KERNEL_NAMES[architecture] ?? architecture,
    ...(variant === undefined ? {} : { variant }),
  };
}

/**
 * The manifest of an index to use: the one for `wanted`, by default this machine; else, when there is only one image and
 * nothing was asked for, that one, whose architecture its configuration then tells. Throws `NotFound` naming the
 * architecture and what there is.
 */
export function choosePlatform(descriptors: readonly Descriptor[], what: string, wanted?: Platform): Descriptor {
  // Attestations are listed beside the images, for a platform "unknown".
  const images = descriptors.filter((one) => one.platform?.architecture !== "unknown");
  const target = wanted ?? { os: "linux", architecture: hostArchitecture() };
  const [chosen] = images
    .map((descriptor) => ({ descriptor, rank: rankOf(descriptor.platform, target) }))
    .filter(({ rank }) => rank !== undefined)
    .sort((a, b) => a.rank! - b.rank!);
  if (chosen) return chosen.descriptor;
  if (images.length === 1 && wanted === undefined) return images[0]!;
  const offered = images.map((one) => textOfPlatform(one.platform ?? { os: "", architecture: "" })).join(", ");
  const whose = wanted === undefined ? "this machine, " : "";
  throw new MinkeError(
    "NotFound",
    `Cannot use ${what}: it has no image for ${whose}${textOfPlatform(target)}; it has ${offered || "none at all"}`,
    { reason: "ErrImagePull" },
  );
}

function textOfPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join("/");
}

/**
 * How well an image fits, 0 best; undefined when it does not. A newer processor runs what was built for an older one, and
 * the newest that it runs is best; without a variant an image is for every machine of its architecture (amd64: v1, arm64:
 * v8, arm: v7, by containerd's platforms package).
 */
function rankOf(platform: Platform | undefined, wanted: Platform): number | undefined {
  if (platform === undefined) return 100;
  if (platform.os !== wanted.os) return undefined;
  const { architecture } = platform;
  if (architecture !== wanted.architecture) return runsOn(architecture, wanted.architecture) ? 50 : undefined;
  const distance = levelOf(wanted) - levelOf(platform);
  return distance < 0 ? undefined : distance;
}

const DEFAULT_LEVELS: Readonly<Record<string, number>> = { arm64: 8, arm: 7 };

function levelOf({ architecture, variant }: Platform): number {
  return variant === undefined ? (DEFAULT_LEVELS[architecture] ?? 1) : Number(variant.slice(1)) || 0;
}
