/** Rows of ConfigMaps, Secrets, namespaces and service accounts. */
import type { ConfigMap, Namespace, Secret } from "./gen/types.ts";
import { age } from "./human-duration.ts";
import { AGE, column, NAME, type Printer, printName } from "./printer.ts";

const DATA = column("Data", "The number of keys.");

export const printConfigMap: Printer = {
  columns: [NAME, DATA, AGE],
  cells(object, now) {
    const { metadata, data = {}, binaryData = {} } = object as ConfigMap;
    const keys = Object.keys(data).length + Object.keys(binaryData).length;
    return [metadata.name ?? "", keys, age(metadata.creationTimestamp, now)];
  },
};

export const printSecret: Printer = {
  columns: [NAME, column("Type", "What the Secret is for."), DATA, AGE],
  cells(object, now) {
    const { metadata, type = "", data = {} } = object as Secret;
    return [metadata.name ?? "", type, Object.keys(data).length, age(metadata.creationTimestamp, now)];
  },
};

export const printNamespace: Printer = {
  columns: [NAME, column("Status", "The status of the namespace"), AGE],
  cells(object, now) {
    const { metadata, status } = object as Namespace;
    return [metadata.name ?? "", status?.phase ?? "", age(metadata.creationTimestamp, now)];
  },
};

export const printServiceAccount: Printer = printName;
