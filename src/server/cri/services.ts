/** The tables of the two services: every RPC and the file that answers it. */
import { createContainer } from "./container/create-container.ts";
import { containerStatus } from "./container/container-status.ts";
import { getContainerEvents } from "./container/get-container-events.ts";
import { listContainers } from "./container/list-containers.ts";
import { removeContainer } from "./container/remove-container.ts";
import { reopenContainerLog } from "./container/reopen-container-log.ts";
import { startContainer } from "./container/start-container.ts";
import { stopContainer } from "./container/stop-container.ts";
import { streamContainers } from "./container/stream-containers.ts";
import { updateContainerResources } from "./container/update-container-resources.ts";
import { attach } from "./exec/attach.ts";
import { exec } from "./exec/exec.ts";
import { execSync } from "./exec/exec-sync.ts";
import { portForward } from "./exec/port-forward.ts";
import type { ImageService, RuntimeService } from "./gen/runtime/v1/api_pb.ts";
import type { Handlers } from "./grpc.ts";
import { imageFsInfo } from "./image/image-fs-info.ts";
import { imageStatus } from "./image/image-status.ts";
import { listImages } from "./image/list-images.ts";
import { pullImage } from "./image/pull-image.ts";
import { removeImage } from "./image/remove-image.ts";
import { streamImages } from "./image/stream-images.ts";
import { checkpoint } from "./node/checkpoint.ts";
import { runtimeConfig } from "./node/runtime-config.ts";
import { status } from "./node/status.ts";
import { updateRuntimeConfig } from "./node/update-runtime-config.ts";
import { version } from "./node/version.ts";
import { listPodSandbox } from "./sandbox/list-pod-sandbox.ts";
import { podSandboxStatus } from "./sandbox/pod-sandbox-status.ts";
import { removePodSandbox } from "./sandbox/remove-pod-sandbox.ts";
import { runPodSandbox } from "./sandbox/run-pod-sandbox.ts";
import { stopPodSandbox } from "./sandbox/stop-pod-sandbox.ts";
import { streamPodSandboxes } from "./sandbox/stream-pod-sandboxes.ts";
import { updatePodSandboxResources } from "./sandbox/update-pod-sandbox-resources.ts";
import { containerStats } from "./stats/container-stats.ts";
import { listContainerStats } from "./stats/list-container-stats.ts";
import { listMetricDescriptors } from "./stats/list-metric-descriptors.ts";
import { listPodSandboxMetrics } from "./stats/list-pod-sandbox-metrics.ts";
import { listPodSandboxStats } from "./stats/list-pod-sandbox-stats.ts";
import { podSandboxStats } from "./stats/pod-sandbox-stats.ts";
import { streamContainerStats } from "./stats/stream-container-stats.ts";
import { streamPodSandboxMetrics } from "./stats/stream-pod-sandbox-metrics.ts";
import { streamPodSandboxStats } from "./stats/stream-pod-sandbox-stats.ts";

export const RUNTIME_HANDLERS: Handlers<typeof RuntimeService> = {
  version,
  status,
  runtimeConfig,
  updateRuntimeConfig,

  runPodSandbox,
  stopPodSandbox,
  removePodSandbox,
  podSandboxStatus,
  listPodSandbox,
  streamPodSandboxes,
  updatePodSandboxResources,

  createContainer,
  startContainer,
  stopContainer,
  removeContainer,
  containerStatus,
  listContainers,
  streamContainers,
  updateContainerResources,
  reopenContainerLog,
  getContainerEvents,

  execSync,
  exec,
  attach,
  portForward,

  containerStats,
  listContainerStats,
  streamContainerStats,
  podSandboxStats,
  listPodSandboxStats,
  streamPodSandboxStats,

  listMetricDescriptors,
  listPodSandboxMetrics,
  streamPodSandboxMetrics,

  checkpointContainer: checkpoint,
  checkpointPod: checkpoint,
  restorePod: checkpoint,
};

export const IMAGE_HANDLERS: Handlers<typeof ImageService> = {
  listImages,
  streamImages,
  imageStatus,
  pullImage,
  removeImage,
  imageFsInfo,
};
