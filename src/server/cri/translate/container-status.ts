/** From the runtime's container to the messages that tell of it. Pure. */
import type { Init } from "../message.ts";

import type { Image } from "../../../runtime/image.ts";
import type { Container } from "../../../runtime/runtime.ts";
import type { ContainerSchema, ContainerStatusSchema, ImageSpecSchema } from "../gen/runtime/v1/api_pb.ts";
import { ContainerState } from "../gen/runtime/v1/api_pb.ts";
import type { KeptOfContainer } from "./container-config.ts";
import { mountMessages } from "./mounts.ts";
import { resourcesMessage } from "./resources.ts";
import { stopSignalNumber } from "./stop-signal.ts";
import { nanoseconds } from "./time.ts";

const NOTHING_KEPT: KeptOfContainer = {
  image: { userSpecifiedImage: "", runtimeHandler: "", annotations: {} },
  relabelled: [],
};

/** One of a list. `image` is undefined when it has been removed. */
export function containerMessage(container: Container, image: Image | undefined): Init<typeof ContainerSchema> {
  const { id, sandboxId, config, imageId, imageRef } = container;
  return {
    id,
    podSandboxId: sandboxId,
    metadata: config.metadata,
    image: imageSpec(container, image),
    imageRef,
    imageId,
    state: containerState(container),
    createdAt: nanoseconds(container.createdMs),
    labels: { ...config.labels },
    annotations: { ...config.annotations },
  };
}

/** The whole status. */
export function containerStatusMessage(
  container: Container,
  image: Image | undefined,
): Init<typeof ContainerStatusSchema> {
  const { id, config, imageId, imageRef, user } = container;
  return {
    id,
    metadata: config.metadata,
    state: containerState(container),
    createdAt: nanoseconds(container.createdMs),
    ...ran(container),
    image: imageSpec(container, image),
    imageRef,
    imageId,
    labels: { ...config.labels },
    annotations: { ...config.annotations },
    mounts: mountMessages(container, kept(container).relabelled),
    logPath: container.logPath,
    resources: { linux: resourcesMessage(config.resources) },
    user: {
      linux: {
        uid: BigInt(user.uid),
        gid: BigInt(user.gid),
        supplementalGroups: user.supplementalGroups.map(BigInt),
      },
    },
    stopSignal: stopSignalNumber(config.stopSignal ?? (image?.config.stopSignal || "SIGTERM")),
  };
}

function kept({ config }: Container): KeptOfContainer {
  return (config.ownerData as KeptOfContainer | undefined) ?? NOTHING_KEPT;
}

function ran({
  state,
}: Container): Pick<
  Init<typeof ContainerStatusSchema>,
  "startedAt" | "finishedAt" | "exitCode" | "reason" | "message"
> {
  if (state.phase === "created") return {};
  if (state.phase === "running") return { startedAt: nanoseconds(state.startedMs) };
  const { startedMs, finishedMs, exitCode, reason, message } = state;
  return { startedAt: nanoseconds(startedMs), finishedAt: nanoseconds(finishedMs), exitCode, reason, message };
}

export function containerState({ state }: Container): ContainerState {
  switch (state.phase) {
    case "created":
      return ContainerState.CONTAINER_CREATED;
    case "running":
      return ContainerState.CONTAINER_RUNNING;
    default:
      return ContainerState.CONTAINER_EXITED;
  }
}

/** People want to see a name. The kubelet asks for a container by the image's id, and tells beside it what the Pod says. */
function imageSpec(container: Container, image: Image | undefined): Init<typeof ImageSpecSchema> {
  const { userSpecifiedImage, runtimeHandler, annotations } = kept(container).image;
  const wanted = userSpecifiedImage || container.config.image;
  const tags = image?.repoTags ?? [];
  const name = tags.find((tag) => [tag, tag.replace(/:latest$/, "")].some((each) => `/${each}`.endsWith(`/${wanted}`)));
  return { image: name ?? tags[0] ?? container.config.image, userSpecifiedImage, runtimeHandler, annotations };
}
