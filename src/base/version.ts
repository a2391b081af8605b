/** The version of this package; the release tool writes it from package.json (checked by a test). */
export const VERSION = "0.1.0";

/** The Kubernetes whose schema and rules this API follows; kubectl compares it with its own. */
export const KUBERNETES = { major: "1", minor: "36" } as const;

/**
 * What stands where Kubernetes tells its version, in `/version` and as the node's kubelet: tools read it as a semantic version
 * to learn which API they may use, and the build metadata says that this is no other's, as other distributions do it.
 */
export const KUBERNETES_VERSION = `v${KUBERNETES.major}.${KUBERNETES.minor}.0+minke.${VERSION}`;
