import { expect, test } from "vitest";

import { removalOf } from "./host-port-rules.ts";

const SAVED = `*nat
:CNI-DN-aa - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A CNI-DN-aa -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2:80
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"n\\" id: \\"one\\"" -m multiport --dports 80 -j CNI-DN-aa
-A CNI-HOSTPORT-DNAT -p udp -m comment --comment "dnat name: \\"n\\" id: \\"one\\"" -m multiport --dports 81 -j CNI-DN-aa
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"n\\" id: \\"one2\\"" -m multiport --dports 82 -j CNI-DN-bb
COMMIT
`;

test("removalOf() removes the rules and the chain of one sandbox", () => {
  expect(removalOf(SAVED, "one")).toBe(`*nat
-D CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"n\\" id: \\"one\\"" -m multiport --dports 80 -j CNI-DN-aa
-D CNI-HOSTPORT-DNAT -p udp -m comment --comment "dnat name: \\"n\\" id: \\"one\\"" -m multiport --dports 81 -j CNI-DN-aa
-F CNI-DN-aa
-X CNI-DN-aa
COMMIT
`);
  expect(removalOf(SAVED, "three")).toBeUndefined();
});
