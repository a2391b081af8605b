/** `runAsNonRoot`. Pure. Kubernetes: pkg/kubelet/kuberuntime/security_context_others.go, verifyRunAsNonRoot. */
import type { Container, Pod } from "../api/gen/types.ts";
import { MinkeError } from "../base/errors.ts";
import { podRef } from "./labels.ts";

/** Throws with reason `CreateContainerConfigError` when the container would or might run as root against its will. */
export function verifyRunAsNonRoot(pod: Pod, container: Container, imageUser: string): void {
  const own = container.securityContext ?? {};
  const shared = pod.spec?.securityContext ?? {};
  if (!(own.runAsNonRoot ?? shared.runAsNonRoot)) return;
  const where = `(pod: "${podRef(pod)}", container: ${container.name})`;
  const user = own.runAsUser ?? shared.runAsUser;
  if (user === 0) throw refused(`container's runAsUser breaks non-root policy ${where}`);
  if (user !== undefined) return;
  const [name = ""] = imageUser.split(":");
  if (name === "" || /^0+$/.test(name)) {
    throw refused(`container has runAsNonRoot and image will run as root ${where}`);
  }
  if (!/^\d+$/.test(name)) {
    throw refused(
      `container has runAsNonRoot and image has non-numeric user (${name}), cannot verify user is non-root ${where}`,
    );
  }
}

function refused(message: string): MinkeError {
  return new MinkeError("FailedPrecondition", message, { reason: "CreateContainerConfigError" });
}
