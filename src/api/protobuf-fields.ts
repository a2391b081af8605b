/**
 * The fields of a message by their numbers: the name in JSON; with `?` behind it when zero means that it is not set; or the
 * fields of a message whose fields JSON has one level higher.
 */
export interface ProtobufFields {
  readonly [number: string]: string | ProtobufFields;
}
