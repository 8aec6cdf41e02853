// For tests only: tar archives, of anything.

/** A tar archive (ustar) of these entries. */
export function tarOf(entries: readonly { name: string; content?: Buffer; type?: string; link?: string }[]): Buffer {
  const blocks = entries.flatMap(({ name, content = Buffer.alloc(0), type = "0", link = "" }) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write("0000644\0", 100);
    header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write(`${"0".repeat(11)}\0`, 136);
    header.write(`        ${type}${link}`, 148);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** Bytes that begin as an HDF5 file does. */
export const hdf5Like = (bytes: number): Buffer =>
  Buffer.concat([Buffer.from("\x89HDF\r\n\x1a\n", "latin1"), Buffer.alloc(bytes, 7)]);
