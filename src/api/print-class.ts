/** Rows of priority classes, runtime classes and leases. */
import type { Lease, PriorityClass, RuntimeClass } from "./gen/types.ts";
import { age } from "./human-duration.ts";
import { AGE, column, NAME, type Printer } from "./printer.ts";

export const printPriorityClass: Printer = {
  columns: [
    NAME,
    { ...column("Value", "The priority that Pods of this class get."), type: "integer" },
    { ...column("Global-Default", "Whether Pods that name no class get this one."), type: "boolean" },
    AGE,
    column("PreemptionPolicy", "Whether such Pods may push others aside.", "wide"),
  ],
  cells(object, now) {
    const { metadata, value = 0, globalDefault = false, preemptionPolicy = "" } = object as PriorityClass;
    return [metadata.name ?? "", value, globalDefault, age(metadata.creationTimestamp, now), preemptionPolicy];
  },
};

export const printRuntimeClass: Printer = {
  columns: [NAME, column("Handler", "The OCI runtime that the class stands for."), AGE],
  cells(object, now) {
    const { metadata, handler } = object as RuntimeClass;
    return [metadata.name ?? "", handler, age(metadata.creationTimestamp, now)];
  },
};

export const printLease: Printer = {
  columns: [NAME, column("Holder", "Who holds the lease."), AGE],
  cells(object, now) {
    const { metadata, spec } = object as Lease;
    return [metadata.name ?? "", spec?.holderIdentity ?? "", age(metadata.creationTimestamp, now)];
  },
};
