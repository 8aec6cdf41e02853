// Text and integers as pickles write them: UTF-8 with lone surrogates, escapes of protocol 0, two's complement of any size.

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 text in which lone surrogates may stand, as Python's `surrogatepass` writes them; undefined if it is not. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return decodeWithSurrogates(bytes);
  }
}

/** Three bytes ED A0..BF 80..BF are a lone surrogate; everything between such triples must be UTF-8. */
function decodeWithSurrogates(bytes: Uint8Array): string | undefined {
  let text = "";
  let start = 0;
  const flush = (end: number): void => {
    text += utf8.decode(bytes.subarray(start, end));
  };
  try {
    for (let i = 0; i + 2 < bytes.length; i++) {
      const [lead, second, third] = [bytes[i] ?? 0, bytes[i + 1] ?? 0, bytes[i + 2] ?? 0];
      if (lead !== 0xed || second < 0xa0 || second > 0xbf || third < 0x80 || third > 0xbf) continue;
      flush(i);
      text += String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f));
      start = i + 3;
      i += 2;
    }
    flush(bytes.length);
    return text;
  } catch {
    return undefined;
  }
}

/** One character per byte. */
export function decodeLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** The inverse; undefined where a character is beyond U+00FF. */
export function encodeLatin1(text: string): Uint8Array | undefined {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return undefined;
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

/** Python's raw-unicode-escape (protocol 0): Latin-1 with backslash-u and backslash-U escapes, and no others. */
export function decodeRawUnicode(bytes: Uint8Array): string | undefined {
  let valid = true;
  const text = decodeLatin1(bytes).replace(
    /\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g,
    (_, short: string | undefined, long: string | undefined) => {
      const code = parseInt(short ?? long ?? "", 16);
      if (code <= 0x10ffff) return String.fromCodePoint(code);
      valid = false;
      return "";
    },
  );
  return valid ? text : undefined;
}

const ESCAPES: Readonly<Record<string, string>> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

/** The bytes inside a quoted Python 2 string (protocol 0); undefined if it is not one. */
export function decodeQuoted(line: Uint8Array): Uint8Array | undefined {
  const text = decodeLatin1(line).trim();
  const quote = text[0];
  if (text.length < 2 || (quote !== "'" && quote !== '"') || text.at(-1) !== quote) return undefined;
  const inner = text.slice(1, -1).replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[^])/g, (_, escape: string) => {
    if (/^x../.test(escape)) return String.fromCharCode(parseInt(escape.slice(1), 16));
    if (/^[0-7]/.test(escape)) return String.fromCharCode(parseInt(escape, 8) & 0xff);
    return ESCAPES[escape] ?? ("\\'\"".includes(escape) ? escape : `\\${escape}`);
  });
  return encodeLatin1(inner);
}

/** A whole number as a number where it is exact, else as a bigint. */
export function toInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Little-endian two's complement. */
export function decodeLong(bytes: Uint8Array): number | bigint {
  if (bytes.length === 0) return 0;
  const magnitude = BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
  return toInteger(BigInt.asIntN(8 * bytes.length, magnitude));
}

/** The shortest little-endian two's complement. */
export function encodeLong(value: bigint): Uint8Array {
  if (value === 0n) return new Uint8Array(0);
  let length = 1;
  while (BigInt.asIntN(8 * length, value) !== value) length++;
  const hex = BigInt.asUintN(8 * length, value)
    .toString(16)
    .padStart(2 * length, "0");
  return Uint8Array.from(Buffer.from(hex, "hex").reverse());
}
