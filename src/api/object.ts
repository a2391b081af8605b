/** What all Kubernetes objects have in common. Objects are plain readonly data, shaped as on the wire. */
import type { ObjectMeta } from "./gen/types.ts";

/** Any Kubernetes object. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}
