// A record of a TensorBoard event file as bytes.
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { EventValue, LoggedEvent } from "./event.js";
import { RGB, event, image, metadata, sessionLog, tensor, value } from "./event-fields.js";

/** The bytes of a record, without the framing of the file. */
export function encodeEvent({ wallTime, step, values, fileVersion, sessionStart }: LoggedEvent): Uint8Array {
  const writer = new BinaryWriter().tag(event.wallTime, WireType.Bit64).double(wallTime);
  writer.tag(event.step, WireType.Varint).int64(step);
  if (fileVersion !== undefined) writer.tag(event.fileVersion, WireType.LengthDelimited).string(fileVersion);
  if (sessionStart === true) {
    nested(writer, event.sessionLog, (log) => log.tag(sessionLog.status, WireType.Varint).int32(sessionLog.start));
  }
  if (values.length > 0) {
    nested(writer, event.summary, (summary) => {
      for (const each of values) nested(summary, 1, (entry) => encodeValue(entry, each));
    });
  }
  return writer.finish();
}

function encodeValue(writer: BinaryWriter, given: EventValue): void {
  writer.tag(value.tag, WireType.LengthDelimited).string(given.tag);
  switch (given.kind) {
    case "scalar":
      writer.tag(value.scalar, WireType.Bit32).float(given.value);
      return;
    case "image":
      nested(writer, value.image, (picture) => {
        picture.tag(image.height, WireType.Varint).int32(given.height);
        picture.tag(image.width, WireType.Varint).int32(given.width);
        picture.tag(image.colours, WireType.Varint).int32(RGB);
        picture.tag(image.encoded, WireType.LengthDelimited).bytes(given.encoded);
      });
      return;
    case "text":
      // A tensor of one string, which the plugin "text" shows as Markdown.
      nested(writer, value.tensor, (text) => {
        text.tag(tensor.dtype, WireType.Varint).int32(tensor.dtString);
        nested(text, tensor.shape, (shape) =>
          nested(shape, tensor.dimension, (dimension) => dimension.tag(tensor.size, WireType.Varint).int64(1)),
        );
        text.tag(tensor.strings, WireType.LengthDelimited).bytes(Buffer.from(given.text, "utf8"));
      });
      nested(writer, value.metadata, (meta) =>
        nested(meta, metadata.plugin, (plugin) =>
          plugin.tag(metadata.pluginName, WireType.LengthDelimited).string("text"),
        ),
      );
  }
}

function nested(writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => unknown): void {
  const inner = writer.tag(field, WireType.LengthDelimited).fork();
  write(inner);
  inner.join();
}
