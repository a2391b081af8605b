/** A container's mounts: its volumes, /etc/hosts, and the termination message. */
import type { Container, Pod } from "../api/gen/types.ts";
import { MinkeError } from "../base/errors.ts";
import type { Mount, MountPropagation } from "../runtime/runtime.ts";
import type { PreparedVolume, VolumeManager } from "../volume/volume.ts";

const HOSTS = "/etc/hosts";

export interface MountInputs {
  readonly volumes: VolumeManager;
  readonly prepared: ReadonlyMap<string, PreparedVolume>;
  readonly hostsFile: string;
  readonly messageFile: string;
}

export async function mountsOf(pod: Pod, container: Container, inputs: MountInputs): Promise<readonly Mount[]> {
  const own = await Promise.all(
    (container.volumeMounts ?? []).map((_, index) => mountOf(pod, container, index, inputs)),
  );
  const taken = new Set(own.map((mount) => mount.containerPath.replace(/\/+$/, "")));
  const extra: Mount[] = [];
  if (!taken.has(HOSTS)) extra.push(file(HOSTS, inputs.hostsFile));
  const messagePath = container.terminationMessagePath ?? "";
  if (messagePath !== "" && !taken.has(messagePath)) extra.push(file(messagePath, inputs.messageFile));
  return [...own, ...extra];
}

async function mountOf(pod: Pod, container: Container, index: number, inputs: MountInputs): Promise<Mount> {
  const mount = container.volumeMounts![index]!;
  const volume = inputs.prepared.get(mount.name);
  if (!volume) {
    throw new MinkeError(
      "FailedPrecondition",
      `cannot find volume "${mount.name}" to mount into container "${container.name}"`,
      { reason: "CreateContainerConfigError" },
    );
  }
  const hostPath = mount.subPath
    ? await inputs.volumes.subPath({
        podUid: pod.metadata.uid ?? "",
        volume,
        containerName: container.name,
        index,
        subPath: mount.subPath,
      })
    : volume.hostPath;
  return {
    // A relative path is below the root, as the kubelet has it.
    containerPath: mount.mountPath.startsWith("/") ? mount.mountPath : `/${mount.mountPath}`,
    hostPath,
    readonly: volume.readonly || (mount.readOnly ?? false),
    propagation: propagationOf(mount.mountPropagation),
  };
}

function propagationOf(mode: string | undefined): MountPropagation {
  if (mode === "HostToContainer") return "hostToContainer";
  return mode === "Bidirectional" ? "bidirectional" : "private";
}

function file(containerPath: string, hostPath: string): Mount {
  return { containerPath, hostPath, readonly: false, propagation: "private" };
}
