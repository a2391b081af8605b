/** Which images this machine can run, in the words that images use (Go's GOARCH). */
import { MinkeError } from "../base/errors.ts";
import type { Descriptor } from "./image-format.ts";

const GO_NAMES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };

/** This machine's architecture as an image says it. */
export function hostArchitecture(): string {
  return GO_NAMES[process.arch] ?? process.arch;
}

/** Whether an image for `architecture` can run here. An image that does not say gets the benefit of the doubt. */
export function runsOn(architecture: string, host: string = hostArchitecture()): boolean {
  return architecture === "" || architecture === host || (host === "amd64" && architecture === "386");
}

/** Rejects an image that this machine cannot run, naming both architectures. */
export function requirePlatform(image: string, platform: { readonly architecture: string; readonly os: string }): void {
  if (runsOn(platform.architecture) && (platform.os === "" || platform.os === "linux")) return;
  throw new MinkeError(
    "FailedPrecondition",
    `Cannot use image ${image}: it is built for ${platform.os || "linux"}/${platform.architecture}, and this machine is ` +
      `linux/${hostArchitecture()}; get the image for linux/${hostArchitecture()}`,
    { reason: "ErrImagePull", details: { image, ...platform } },
  );
}

/**
 * The manifest of an index to use: the one for this machine; else, when there is only one image, that one, whose
 * architecture its configuration then tells. Throws `NotFound` naming this machine's architecture and what there is.
 */
export function choosePlatform(descriptors: readonly Descriptor[], what: string): Descriptor {
  // Attestations are listed beside the images, for a platform "unknown".
  const images = descriptors.filter((one) => one.platform?.architecture !== "unknown");
  const host = hostArchitecture();
  const linux = images.filter((one) => one.platform === undefined || one.platform.os === "linux");
  const exact = linux.find((one) => one.platform?.architecture === host);
  const chosen = exact ?? linux.find((one) => runsOn(one.platform?.architecture ?? "", host));
  if (chosen) return chosen;
  if (images.length === 1) return images[0]!;
  const offered = images.map((one) => `${one.platform?.os}/${one.platform?.architecture}`).join(", ");
  throw new MinkeError(
    "NotFound",
    `Cannot use ${what}: it has no image for this machine, linux/${host}; it has ${offered || "none at all"}`,
    { reason: "ErrImagePull" },
  );
}
