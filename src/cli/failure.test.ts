import { describe, expect, test } from "vitest";

import { MinkeError } from "../base/errors.ts";
import { errorOfStatus } from "../sdk/status-error.ts";
import { UsageError } from "./exit.ts";
import { describeFailure, describeFailures, withSource } from "./failure.ts";

const causes = (...fields: string[]) => fields.map((field) => ({ field, message: "Required value" }));
const invalid = (...fields: string[]) =>
  errorOfStatus({
    code: 422,
    reason: "Invalid",
    message: 'Pod "Big" is invalid: …',
    details: { kind: "Pod", name: "Big", causes: causes(...fields) },
  });
const refused = errorOfStatus({ code: 400, reason: "BadRequest", message: "strict decoding error: …" });

describe("describeFailure(), as kubectl words it", () => {
  test.each([
    ["one invalid field", invalid("spec.a"), 'The Pod "Big" is invalid: spec.a: Required value'],
    [
      "several",
      invalid("spec.a", "spec.b", "spec.a"),
      'The Pod "Big" is invalid: \n* spec.a: Required value\n* spec.b: Required value',
    ],
    ["another status", refused, "Error from server (BadRequest): strict decoding error: …"],
    [
      "of a file",
      withSource(refused, "creating", "a.yaml"),
      'Error from server (BadRequest): error when creating "a.yaml": strict decoding error: …',
    ],
    [
      "an invalid object of a file",
      withSource(invalid("spec.a"), "creating", "a.yaml"),
      'The Pod "Big" is invalid: spec.a: Required value',
    ],
    ["our own", new MinkeError("NotFound", 'the path "x" does not exist'), 'error: the path "x" does not exist'],
    ["usage", new UsageError("no file was given"), "error: no file was given"],
  ])("%s", (_name, error, text) => {
    expect(describeFailure(error)).toBe(text);
  });

  test("several failures: one line each, in the server's words", () => {
    const late = new MinkeError("DeadlineExceeded", "timed out waiting for the condition on pods/web");
    expect(describeFailures([withSource(invalid("spec.a"), "creating", "a.yaml"), late], {})).toBe(
      'Error from server (Invalid): error when creating "a.yaml": Pod "Big" is invalid: …\ntimed out waiting for the condition on pods/web',
    );
  });
});
