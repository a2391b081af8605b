/** What the package exports: an embedded node, and the client that speaks to any node. */
export { startNode } from "./daemon/start-node.ts";
export type { Node, StartOptions } from "./daemon/start-node.ts";
export type { NodeOptions } from "./daemon/options.ts";
