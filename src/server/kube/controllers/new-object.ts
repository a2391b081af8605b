/** Objects that the server itself makes. */
import type { KubeObject } from "../../../api/object.ts";
import { rfc3339 } from "../../../base/clock.ts";
import { newUid } from "../../../base/ids.ts";
import type { KubeServerOptions } from "../context.ts";

/** The object with what only a server gives: a UID and the time of its creation. */
export function newObject<T extends KubeObject>({ clock }: KubeServerOptions, object: T): T {
  const metadata = { ...object.metadata, uid: newUid(), creationTimestamp: rfc3339(clock.now()) };
  return { ...object, metadata };
}
