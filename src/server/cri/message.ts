/** How the messages that this server makes are written: as plain objects, which become messages when they are sent. */
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";

export type Init<D extends DescMessage> = Exclude<MessageInitShape<D>, MessageShape<D>>;
