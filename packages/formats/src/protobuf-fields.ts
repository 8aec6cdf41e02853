// Goes through a protocol buffer message field by field, without a schema.
import { BinaryReader, type WireType } from "@bufbuild/protobuf/wire";

/**
 * Calls `read` for each field in order. It takes the value from the reader and returns true, or returns false: then the field is skipped,
 * as protocol buffers want it of fields that a reader does not know.
 */
export function eachField(
  bytes: Uint8Array,
  read: (field: number, reader: BinaryReader, wire: WireType) => boolean,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (!read(field, reader, wire)) reader.skip(wire, field);
  }
}
