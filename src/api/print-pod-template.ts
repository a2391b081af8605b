/** Rows of Pod templates. */
import type { PodTemplate } from "./gen/types.ts";
import { column, NAME, type Printer } from "./printer.ts";

export const printPodTemplate: Printer = {
  columns: [
    NAME,
    column("Containers", "The names of the template's containers."),
    column("Images", "The images of the template's containers."),
    column("Pod Labels", "The labels of Pods of this template."),
  ],
  cells(object) {
    const { metadata, template } = object as PodTemplate;
    const containers = template?.spec?.containers ?? [];
    const labels = Object.entries(template?.metadata?.labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      metadata.name ?? "",
      containers.map(({ name }) => name).join(","),
      containers.map(({ image }) => image ?? "").join(","),
      labels.length === 0 ? "<none>" : labels.map(([key, value]) => `${key}=${value}`).join(","),
    ];
  },
};
