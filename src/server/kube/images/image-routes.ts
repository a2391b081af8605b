/** The image paths: method and path below the node's group → handler. */
import type { PathHandler } from "../context.ts";
import { showDiskUsage } from "./disk-usage.ts";
import { showHistory } from "./history.ts";
import { importImage } from "./import.ts";
import { listImages } from "./list.ts";
import { loadImages } from "./load.ts";
import { logInToRegistry } from "./login.ts";
import { logOutOfRegistry } from "./logout.ts";
import { pruneImages } from "./prune.ts";
import { pullImage } from "./pull.ts";
import { pushImage } from "./push.ts";
import { removeImage } from "./remove.ts";
import { saveImage } from "./save.ts";
import { showImage } from "./show.ts";
import { tagImage } from "./tag.ts";
import { verifyImages } from "./verify.ts";

const ROUTES: Readonly<Record<string, PathHandler>> = {
  "GET images": listImages,
  "GET image": showImage,
  "DELETE image": removeImage,
  "POST images/import": importImage,
  "POST images/load": loadImages,
  "GET images/save": saveImage,
  "POST images/tag": tagImage,
  "POST images/prune": pruneImages,
  "POST images/pull": pullImage,
  "POST images/push": pushImage,
  "GET images/history": showHistory,
  "GET images/disk-usage": showDiskUsage,
  "POST images/verify": verifyImages,
  "POST images/login": logInToRegistry,
  "POST images/logout": logOutOfRegistry,
};

export function imageHandlerOf(method: string, path: string): PathHandler | undefined {
  const key = `${method} ${path}`;
  return Object.hasOwn(ROUTES, key) ? ROUTES[key] : undefined;
}
