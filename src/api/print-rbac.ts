/** Rows of roles and bindings (Kubernetes: pkg/printers/internalversion/printers.go). */
import type { ClusterRoleBinding, RoleBinding } from "./gen/types.ts";
import { age } from "./human-duration.ts";
import { AGE, column, NAME, type Printer } from "./printer.ts";

/** Roles tell the day on which they were made. */
export const printRole: Printer = {
  columns: [NAME, column("Created At", "When the object was created.")],
  cells: ({ metadata }) => [metadata.name ?? "", metadata.creationTimestamp ?? ""],
};

export const printRoleBinding: Printer = {
  columns: [
    NAME,
    column("Role", "Kind and name of the role that is bound."),
    AGE,
    column("Users", "Users that the role is bound to.", "wide"),
    column("Groups", "Groups that the role is bound to.", "wide"),
    column("ServiceAccounts", "Service accounts that the role is bound to.", "wide"),
  ],
  cells(object, now) {
    const { metadata, roleRef, subjects = [] } = object as RoleBinding | ClusterRoleBinding;
    const named = (kind: string): string =>
      subjects
        .filter((subject) => subject.kind === kind)
        .map(({ name, namespace }) => (kind === "ServiceAccount" ? `${namespace ?? ""}/${name}` : name))
        .join(", ");
    return [
      metadata.name ?? "",
      `${roleRef.kind}/${roleRef.name}`,
      age(metadata.creationTimestamp, now),
      named("User"),
      named("Group"),
      named("ServiceAccount"),
    ];
  },
};
