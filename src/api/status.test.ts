import { describe, expect, test } from "vitest";
import { MinkeError } from "../base/errors.ts";
import { invalid, required } from "./field-error.ts";
import { PODS, resourceNamed } from "./resources.ts";
import { badRequest, conflict, errorOfStatus, invalidObject, methodNotAllowed, notFound, statusOf } from "./status.ts";

describe("statusOf", () => {
  test("words a missing object as Kubernetes does", () => {
    expect(statusOf(notFound(PODS, "x"))).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: 'pods "x" not found',
      reason: "NotFound",
      details: { name: "x", kind: "pods" },
      code: 404,
    });
  });

  test("lists the causes of an invalid object", () => {
    const one = invalidObject("Pod", "x", [required("spec.containers[0].image")]);
    expect(one.message).toBe('Pod "x" is invalid: spec.containers[0].image: Required value');
    const status = statusOf(invalidObject("Pod", "x", [required("a"), invalid("b", 1, "must be 2")]));
    expect(status).toMatchObject({ code: 422, reason: "Invalid" });
    expect(status.message).toBe('Pod "x" is invalid: [a: Required value, b: Invalid value: 1: must be 2]');
    expect(status.details?.causes).toEqual([
      { reason: "FieldValueRequired", message: "Required value", field: "a" },
      { reason: "FieldValueInvalid", message: "Invalid value: 1: must be 2", field: "b" },
    ]);
  });

  test.each([
    [badRequest("no"), 400, "BadRequest"],
    [conflict(PODS, "x", "changed"), 409, "Conflict"],
    [methodNotAllowed(PODS, "dance"), 405, "MethodNotAllowed"],
    [new MinkeError("ResourceExhausted", "too old", { reason: "Expired" }), 410, "Expired"],
    [new MinkeError("Internal", "x", { reason: "ErrImagePull" }), 500, "InternalError"],
    [new TypeError("bug"), 500, "InternalError"],
  ])("%s is %i %s", (error, code, reason) => expect(statusOf(error)).toMatchObject({ code, reason }));

  test("and back", () => {
    for (const error of [notFound(PODS, "x"), badRequest("no"), methodNotAllowed(PODS, "dance")]) {
      const back = errorOfStatus(statusOf(error));
      expect([back.code, back.message]).toEqual([error.code, error.message]);
    }
  });
});

test("a resource is known by all its names", () => {
  for (const name of ["pods", "pod", "po", "Pod", "pods.v1."]) expect(resourceNamed(name)).toBe(PODS);
  expect(resourceNamed("widgets")).toBeUndefined();
});
