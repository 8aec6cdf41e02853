// What goes through the pipes between the server and the process that decodes a file: JSON and bytes, each after its length.

/** JSON and bytes as one block. */
export function packMessage(head: unknown, bytes: Uint8Array): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, bytes]);
}

/** The JSON and the bytes of a block. */
export function unpackMessage(block: Buffer): { readonly head: unknown; readonly bytes: Buffer } {
  const end = 4 + block.readUInt32LE(0);
  return { head: JSON.parse(block.toString("utf8", 4, end)) as unknown, bytes: block.subarray(end) };
}

/** Everything that comes out of a stream, up to a number of bytes. */
export async function readAll(stream: AsyncIterable<Uint8Array>, most: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > most) throw new RangeError(`more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
