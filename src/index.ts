/** What the package exports: the client, and a node inside one's own process. */
export * from "./sdk/index.ts";
export { MinkeError, type ErrorCode, isMinkeError } from "./base/errors.ts";
export type { KubeObject } from "./api/object.ts";
export { startNode, type Node, type StartOptions } from "./daemon/start-node.ts";
export type { NodeOptions } from "./daemon/options.ts";
