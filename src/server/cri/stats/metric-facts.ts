/** What the metrics are computed from. Absent: the host does not have the figure, or it does not apply. */
import type { StatsFs } from "node:fs";

import type {
  CgroupStats,
  ContainerResources,
  InterfaceStats,
  LayerUsage,
  ProcessStats,
} from "../../../runtime/runtime.ts";

/** Of one container, or of a sandbox as a whole. */
export interface MetricFacts {
  readonly nowMs: number;
  readonly cgroup?: CgroupStats;
  readonly resources?: ContainerResources;
  readonly startedMs?: number;
  readonly processes?: ProcessStats;
  readonly layer?: LayerUsage;
  /** Of the file system that the layer is on. */
  readonly disk?: StatsFs;
  readonly interfaces?: readonly InterfaceStats[];
}

/** A value, and the values of the metric's own labels. */
export interface Sample {
  readonly value: number;
  readonly labels: readonly string[];
}

/** One metric: its description, and how its samples follow from the facts. */
export interface MetricDefinition {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  /** Keys of its own labels, behind those that every metric has. */
  readonly labels: readonly string[];
  readonly samples: (facts: MetricFacts) => readonly Sample[];
}
