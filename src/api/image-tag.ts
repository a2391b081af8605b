/**
 * The tag that an image reference means for the default of `imagePullPolicy`: `latest` when neither tag nor digest is
 * given, empty when only a digest is (Kubernetes: pkg/util/parsers).
 */
export function imageTag(image: string): string {
  const [named = "", digest] = image.split("@", 2);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  if (colon >= 0) return named.slice(colon + 1);
  return digest === undefined && named !== "" ? "latest" : "";
}
