import { describe, expect, test } from "vitest";

import type { ContainerState, ContainerStatus, Pod, PodSpec } from "../../api/gen/types.ts";
import { exitCodeOf, failureText, hasStarted, urlsOf } from "./outcome.ts";

function status(name: string, state: ContainerState): ContainerStatus {
  return { name, state, image: "i", imageID: "", ready: false, restartCount: 0 };
}

function ended(name: string, exitCode: number, finishedAt = "2026-01-01T00:00:00Z"): ContainerStatus {
  return status(name, { terminated: { exitCode, finishedAt, reason: exitCode === 0 ? "Completed" : "Error" } });
}

function podOf(phase: string, containerStatuses: readonly ContainerStatus[], spec: Partial<PodSpec> = {}): Pod {
  const containers = containerStatuses.map(({ name }) => ({ name }));
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: { containers, ...spec },
    status: { phase, containerStatuses },
  };
}

describe("exitCodeOf()", () => {
  test("0 when all succeeded", () => expect(exitCodeOf([podOf("Succeeded", [ended("a", 0)])])).toBe(0));

  test("the code of the container that failed first, of a single failed Pod", () => {
    const pod = podOf("Failed", [
      ended("a", 7, "2026-01-01T00:00:02Z"),
      ended("b", 3, "2026-01-01T00:00:01Z"),
      ended("c", 0),
    ]);
    expect(exitCodeOf([pod, podOf("Succeeded", [])])).toBe(3);
    expect(failureText(pod)).toContain("container b ended with exit code 3 (Error)");
  });

  test("1 when several failed, when none says why, and for one that was deleted while it ran", () => {
    expect(exitCodeOf([podOf("Failed", [ended("a", 7)]), podOf("Failed", [ended("a", 8)])])).toBe(1);
    expect(exitCodeOf([podOf("Failed", [])])).toBe(1);
    expect(exitCodeOf([podOf("Running", [status("a", { running: {} })])])).toBe(1);
  });
});

test("hasStarted() is true when every container runs or has run", () => {
  expect(hasStarted(podOf("Running", [status("a", { running: {} }), ended("b", 0)]))).toBe(true);
  expect(hasStarted(podOf("Pending", [status("a", { running: {} }), status("b", { waiting: {} })]))).toBe(false);
  expect(hasStarted(podOf("Pending", [], { containers: [{ name: "a" }] }))).toBe(false);
});

test("urlsOf() names TCP ports that the host has", () => {
  const ports = [
    { containerPort: 80, hostPort: 8080 },
    { containerPort: 443, hostPort: 443, hostIP: "192.0.2.1" },
    { containerPort: 53, hostPort: 53, protocol: "UDP" },
    { containerPort: 9000 },
  ];
  const containers = [{ name: "a", ports }];
  expect(urlsOf(podOf("Running", [], { containers }))).toEqual(["http://localhost:8080", "https://192.0.2.1:443"]);
  expect(urlsOf(podOf("Running", [], { containers, hostNetwork: true }))).toContain("http://localhost:9000");
});
