/** What can not be offered: the OCI runtime would need CRIU, and conmon's pipes do not survive it. */
import type { DescMessage } from "@bufbuild/protobuf";

import { MinkeError } from "../../../base/errors.ts";
import type { UnaryHandler } from "../grpc.ts";

export const checkpoint: UnaryHandler<DescMessage, DescMessage> = async () => {
  throw new MinkeError("Unimplemented", "Cannot checkpoint or restore: minke does not offer it; start anew instead");
};
