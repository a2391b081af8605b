import { describe, expect, test } from "vitest";

import { remoteCommandStatus } from "./session-channels.ts";
import { chooseProtocol, decodeMessage, encodeMessage, PORT_FORWARD_PROTOCOLS } from "./websocket-protocol.ts";

describe("channel protocols", () => {
  test.each([
    [["v5.channel.k8s.io"], "v5.channel.k8s.io"],
    [["unknown", "v4.channel.k8s.io", "v5.channel.k8s.io"], "v4.channel.k8s.io"],
    [[], ""],
    [["unknown"], undefined],
  ])("the client's first choice that is served: %j", (offered, chosen) => {
    expect(chooseProtocol(offered)?.name).toBe(chosen);
  });

  test("port forwarding has versions 4 and 5, and 1 for old clients", () => {
    expect(chooseProtocol(["v3.channel.k8s.io", "v5.channel.k8s.io"], PORT_FORWARD_PROTOCOLS)?.version).toBe(5);
    expect(chooseProtocol(["v3.channel.k8s.io", "v2.channel.k8s.io"], PORT_FORWARD_PROTOCOLS)).toBeUndefined();
  });

  test.each(["v4.channel.k8s.io", "v4.base64.channel.k8s.io"])("a message comes back as it went: %s", (name) => {
    const protocol = chooseProtocol([name])!;
    const payload = Buffer.from([0, 255, 10]);
    const message = Buffer.from(encodeMessage(protocol, 2, payload));
    expect(decodeMessage(protocol, message)).toEqual({ channel: 2, payload });
    expect(decodeMessage(protocol, Buffer.alloc(0))).toBeUndefined();
  });

  test("the exit code is told as client-go reads it", () => {
    expect(remoteCommandStatus({ type: "exit", code: 42 })).toMatchObject({
      status: "Failure",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "42" }] },
    });
    expect(remoteCommandStatus({ type: "success" })).toEqual({ metadata: {}, status: "Success" });
  });
});
