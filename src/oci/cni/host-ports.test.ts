import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";

import type { ProcessHost } from "../../host/host.ts";
import type { HostPortMapping } from "./attachment.ts";
import { createHostPorts, parseTranslations } from "./host-ports.ts";

const port = (hostPort: number, more: Partial<HostPortMapping> = {}): HostPortMapping => ({
  protocol: "TCP",
  containerPort: 80,
  hostPort,
  hostIp: "",
  ...more,
});

/** A host whose iptables-save prints `rules`. */
function hostPorts(rules = "") {
  const process: Pick<ProcessHost, "run"> = { run: async () => ({ code: 0, stdout: rules, stderr: "" }) };
  return createHostPorts(process as ProcessHost);
}

describe("reserve()", () => {
  test.each<[HostPortMapping, HostPortMapping, boolean]>([
    [port(80), port(80), true],
    [port(80), port(81), false],
    [port(80), port(80, { protocol: "UDP" }), false],
    [port(80, { hostIp: "127.0.0.1" }), port(80, { hostIp: "10.0.0.1" }), false],
    [port(80, { hostIp: "127.0.0.1" }), port(80, { hostIp: "0.0.0.0" }), true],
    [port(80, { hostIp: "127.0.0.1" }), port(80), true],
  ])("%j beside %j: conflict %s", (first, second, conflict) => {
    const ports = hostPorts();
    ports.reserve("one", [first]);
    const reserve = (): void => ports.reserve("two", [second]);
    if (conflict) expect(reserve).toThrow(/Cannot publish host port 80\/TCP.*another Pod/);
    else expect(reserve).not.toThrow();
  });

  test("a sandbox does not stand in its own way, and what is released is free", () => {
    const ports = hostPorts();
    ports.reserve("one", [port(80)]);
    ports.reserve("one", [port(80)]);
    ports.release("one");
    expect(() => ports.reserve("two", [port(80)])).not.toThrow();
    expect(() => ports.reserve("three", [port(90), port(90, { containerPort: 1 })])).toThrow(/twice/);
  });
});

describe("probe()", () => {
  test("a port that a process listens on is refused, with port, protocol and remedy", async () => {
    await using server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const taken = (server.address() as AddressInfo).port;
    await expect(hostPorts().probe([port(taken)])).rejects.toMatchObject({
      code: "FailedPrecondition",
      reason: "CreatePodSandboxError",
      message: expect.stringMatching(new RegExp(`${taken}/TCP: a process of the host.*choose another hostPort`)),
    });
    await hostPorts().probe([port(taken, { protocol: "UDP" })]);
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    await expect(hostPorts().probe([port(socket.address().port, { protocol: "UDP" })])).rejects.toThrow(/UDP/);
    socket.close();
  });

  test("a free port is free again after the probe", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const free = (server.address() as AddressInfo).port;
    server.close();
    await once(server, "close");
    await hostPorts().probe([port(free)]);
    await hostPorts().probe([port(free)]);
  });

  test("an address that the host does not have is told", async () => {
    await expect(hostPorts().probe([port(45_678, { hostIp: "203.0.113.9" })])).rejects.toThrow(
      /no interface.*203\.0\.113\.9/,
    );
  });

  test("a port that another runtime's rule translates is refused", async () => {
    const rules = "-A CNI-DN-1 -p sctp -m sctp --dport 99 -j DNAT --to-destination 10.0.0.2:80\n";
    await expect(hostPorts(rules).probe([port(99, { protocol: "SCTP" })])).rejects.toThrow(/chain CNI-DN-1/);
    await hostPorts(rules).probe([port(98, { protocol: "SCTP" })]);
  });
});

test("parseTranslations() finds DNAT rules and nothing else", () => {
  const rules = `*nat
:DOCKER - [0:0]
-A CNI-DN-ab -s 10.0.0.0/16 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK
-A CNI-DN-ab -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80
-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p udp -m udp --dport 53 -j DNAT --to-destination 172.17.0.2:53
COMMIT
`;
  expect(parseTranslations(rules)).toMatchObject([
    { chain: "CNI-DN-ab", protocol: "TCP", hostPort: 8080, hostIp: "" },
    { chain: "DOCKER", protocol: "UDP", hostPort: 53, hostIp: "127.0.0.1" },
  ]);
});
