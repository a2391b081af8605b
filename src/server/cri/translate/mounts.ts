/** Mounts and devices, there and back. */
import type { Init } from "../message.ts";

import type {
  Container,
  Device as RuntimeDevice,
  Mount as RuntimeMount,
  MountPropagation as Propagation,
} from "../../../runtime/runtime.ts";
import type { Device, Mount, MountSchema } from "../gen/runtime/v1/api_pb.ts";
import { MountPropagation, MountPropagationSchema } from "../gen/runtime/v1/api_pb.ts";
import { absolutePath, invalid, known, relativePath, required, unsupported } from "../invalid.ts";
import { idMappingMessages, idMappings } from "./namespaces.ts";

const PROPAGATIONS: Readonly<Record<number, Propagation>> = {
  [MountPropagation.PROPAGATION_PRIVATE]: "private",
  [MountPropagation.PROPAGATION_HOST_TO_CONTAINER]: "hostToContainer",
  [MountPropagation.PROPAGATION_BIDIRECTIONAL]: "bidirectional",
};
const NUMBERS: Readonly<Record<Propagation, MountPropagation>> = {
  private: MountPropagation.PROPAGATION_PRIVATE,
  hostToContainer: MountPropagation.PROPAGATION_HOST_TO_CONTAINER,
  bidirectional: MountPropagation.PROPAGATION_BIDIRECTIONAL,
};

/** `selinux_relabel` has no effect on a host without SELinux, and is only told again. */
export function mountOf(mount: Mount, index: number): RuntimeMount {
  const field = `config.mounts[${index}]`;
  if (mount.mountOptions.length > 0) throw unsupported(`${field}.mount_options`, "Status says so");
  const propagation = PROPAGATIONS[known(MountPropagationSchema, mount.propagation, `${field}.propagation`)]!;
  if (mount.recursiveReadOnly && !(mount.readonly && propagation === "private")) {
    throw invalid(
      `${field}.recursive_read_only`,
      true,
      "readonly must be set and propagation must be PROPAGATION_PRIVATE",
    );
  }
  return {
    containerPath: absolutePath(mount.containerPath, `${field}.container_path`),
    ...(mount.image ? imageMount(mount, field) : { hostPath: absolutePath(mount.hostPath, `${field}.host_path`) }),
    readonly: mount.readonly,
    propagation,
    ...(mount.recursiveReadOnly ? { recursiveReadonly: true } : {}),
    ...(mount.uidMappings.length > 0 ? { uidMappings: idMappings(mount.uidMappings) } : {}),
    ...(mount.gidMappings.length > 0 ? { gidMappings: idMappings(mount.gidMappings) } : {}),
  };
}

function imageMount(mount: Mount, field: string): Pick<RuntimeMount, "hostPath" | "image"> {
  if (mount.hostPath !== "") throw invalid(`${field}.host_path`, mount.hostPath, "must be empty with an image");
  if (!mount.readonly) throw invalid(`${field}.readonly`, false, "an image is always read-only");
  const image = required(mount.image?.image, `${field}.image.image`);
  return { hostPath: "", image: { image, subPath: relativePath(mount.imageSubPath, `${field}.image_sub_path`) } };
}

/** The mounts of the request for a status. */
export function mountMessages(
  { config, mountedImages }: Container,
  relabelled: readonly string[],
): Init<typeof MountSchema>[] {
  return config.mounts.map((mount) => ({
    containerPath: mount.containerPath,
    hostPath: mount.hostPath,
    readonly: mount.readonly,
    selinuxRelabel: relabelled.includes(mount.containerPath),
    propagation: NUMBERS[mount.propagation],
    recursiveReadOnly: mount.recursiveReadonly ?? false,
    uidMappings: idMappingMessages(mount.uidMappings),
    gidMappings: idMappingMessages(mount.gidMappings),
    ...(mount.image
      ? {
          image: { image: mount.image.image, imageRef: mountedImages[mount.containerPath] ?? "" },
          imageSubPath: mount.image.subPath,
        }
      : {}),
  }));
}

export function deviceOf({ hostPath, containerPath, permissions }: Device, index: number): RuntimeDevice {
  const field = `config.devices[${index}]`;
  if (!/^[rwm]{1,3}$/.test(permissions)) throw invalid(`${field}.permissions`, permissions, "must be of r, w and m");
  return {
    hostPath: absolutePath(hostPath, `${field}.host_path`),
    containerPath: absolutePath(containerPath || hostPath, `${field}.container_path`),
    permissions,
  };
}
