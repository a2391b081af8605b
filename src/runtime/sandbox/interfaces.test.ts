import { expect, test } from "vitest";

import { parseInterfaces } from "./interfaces.ts";

test("the counters of every interface but lo", () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0
  eth0:    1326      13    1    2    0     0          0         0      866      11    3    4    0     0       0          0
`;
  expect(parseInterfaces(text)).toEqual([
    {
      name: "eth0",
      rxBytes: 1326,
      rxPackets: 13,
      rxErrors: 1,
      rxDropped: 2,
      txBytes: 866,
      txPackets: 11,
      txErrors: 3,
      txDropped: 4,
    },
  ]);
});
