/** The client's public face. */
export { type Client, clientOver, type ClientOptions, type NodeInfo, type ServerVersion } from "./client.ts";
export { clientFor, connect, type ConnectOptions } from "./connect.ts";
export type { ApplyResult } from "./apply.ts";
export type { Output, Session } from "./channels.ts";
export type { ForwardedConnection } from "./port-forward.ts";
export type {
  ArchiveFormat,
  DiskUsage,
  DiskUsageRow,
  HistoryStep,
  Image,
  ImageClient,
  ImageConfig,
  ImageImport,
  ImageProgress,
  LayerProgress,
  PullOptions,
  PushOptions,
  PushedImage,
  RegistryLogin,
  RemoteOptions,
  VerifiedImage,
} from "./images.ts";
export type { MetricsClient, NodeMetrics, PodMetrics } from "./metrics.ts";
export type { ExecOptions, LogOptions, PodClient, SessionOptions } from "./pods.ts";
export type { DeleteOptions, ListOptions, ResourceClient, Table, WriteOptions } from "./resource.ts";
export { type SocketAddress, socketPathOf } from "./socket-path.ts";
export type { Transport, TransportRequest, TransportResponse, TransportSocket } from "./transport.ts";
export type { WaitOptions } from "./wait.ts";
export type { ObjectList, WatchEvent, WatchOptions } from "./watch.ts";
