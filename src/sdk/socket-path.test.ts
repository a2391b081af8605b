import { expect, test } from "vitest";

import { instanceOf } from "../host/instance.ts";
import { socketPathOf } from "./socket-path.ts";

test.each([{}, { instance: "minke" }, { instance: "test" }, { state: "/tmp/s" }, { instance: "a", state: "/tmp/s" }])(
  "the client and the node agree on the socket of %j",
  (options) => {
    expect(socketPathOf(options)).toBe(instanceOf(options).apiSocket);
  },
);
