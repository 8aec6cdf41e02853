// Instructions that push one value: numbers, text, bytes, None and booleans, and those that only steer the machine.
import type { Instruction, Machine } from "./machine.js";
import { decodeLatin1, decodeLong, decodeQuoted, decodeRawUnicode, decodeUtf8, toInteger } from "./text.js";

const NEWEST_PROTOCOL = 5;
/** Bytes of one integer; parsing time grows faster than length, and no honest file comes near. */
const LONGEST_INTEGER = 1 << 16;

/** Instruction code (its ASCII letter where it has one) and effect. */
export const literalInstructions: readonly (readonly [number, Instruction])[] = [
  [code("N"), (machine) => machine.push(null)],
  [0x88, (machine) => machine.push(true)],
  [0x89, (machine) => machine.push(false)],

  [code("I"), (machine) => machine.push(textInteger(machine, true))],
  [code("L"), (machine) => machine.push(textInteger(machine, false))],
  [code("J"), (machine) => machine.push(machine.cursor.i32())],
  [code("K"), (machine) => machine.push(machine.cursor.u8())],
  [code("M"), (machine) => machine.push(machine.cursor.u16())],
  [0x8a, (machine) => machine.push(long(machine, machine.cursor.u8()))],
  [0x8b, (machine) => machine.push(long(machine, machine.cursor.i32()))],
  [code("F"), (machine) => machine.push(textFloat(machine))],
  [code("G"), (machine) => machine.push(machine.cursor.f64())],

  [code("V"), (machine) => machine.push(text(machine, decodeRawUnicode(machine.cursor.line())))],
  [0x8c, (machine) => machine.push(utf8(machine, machine.cursor.u8()))],
  [code("X"), (machine) => machine.push(utf8(machine, machine.cursor.u32()))],
  [0x8d, (machine) => machine.push(utf8(machine, machine.cursor.u64()))],

  [code("S"), (machine) => machine.push(python2(machine, decodeQuoted(machine.cursor.line())))],
  [
    code("T"),
    (machine) => machine.push(python2(machine, machine.cursor.take(positive(machine, machine.cursor.i32())))),
  ],
  [code("U"), (machine) => machine.push(python2(machine, machine.cursor.take(machine.cursor.u8())))],

  [code("C"), (machine) => machine.push(machine.cursor.take(machine.cursor.u8()))],
  [code("B"), (machine) => machine.push(machine.cursor.take(machine.cursor.u32()))],
  [0x8e, (machine) => machine.push(machine.cursor.take(machine.cursor.u64()))],
  [0x96, (machine) => machine.push(machine.cursor.take(machine.cursor.u64()))],

  [0x80, protocol],
  [0x95, (machine) => machine.cursor.need(machine.cursor.u64())], // a frame: a promise of length, nothing more
];

/** The code of an instruction that is named by a letter. */
export function code(letter: string): number {
  return letter.charCodeAt(0);
}

function protocol(machine: Machine): void {
  const version = machine.cursor.u8();
  if (version > NEWEST_PROTOCOL) {
    throw machine.fail(`pickle protocol ${version}; 0 to ${NEWEST_PROTOCOL} are read`);
  }
}

function textInteger(machine: Machine, mayBeBoolean: boolean): number | bigint | boolean {
  const line = decodeLatin1(machine.cursor.line());
  if (mayBeBoolean && (line === "00" || line === "01")) return line === "01";
  const digits = mayBeBoolean ? line : line.replace(/L$/, "");
  if (!/^\s*[+-]?\d+\s*$/.test(digits) || digits.length > LONGEST_INTEGER) {
    throw machine.fail("not a valid pickle: an integer is not written in digits");
  }
  return toInteger(BigInt(digits.trim().replace(/^\+/, "")));
}

function long(machine: Machine, length: number): number | bigint {
  if (positive(machine, length) > LONGEST_INTEGER) throw machine.fail(`an integer of ${length} bytes; refused`);
  return decodeLong(machine.cursor.take(length));
}

const SPECIAL_FLOATS: ReadonlyMap<string, number> = new Map([
  ["nan", NaN],
  ["-nan", NaN],
  ["inf", Infinity],
  ["-inf", -Infinity],
]);

function textFloat(machine: Machine): number {
  const line = decodeLatin1(machine.cursor.line()).trim();
  const special = SPECIAL_FLOATS.get(line);
  if (special !== undefined) return special;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(line)) {
    throw machine.fail("not a valid pickle: a float is not written in digits");
  }
  return Number(line);
}

function positive(machine: Machine, length: number): number {
  if (length < 0) throw machine.fail(`not a valid pickle: a length of ${length}`);
  return length;
}

function utf8(machine: Machine, length: number): string {
  return text(machine, decodeUtf8(machine.cursor.take(length)));
}

function text(machine: Machine, decoded: string | undefined): string {
  if (decoded === undefined) throw machine.fail("not a valid pickle: text in no valid encoding");
  return decoded;
}

function python2(machine: Machine, bytes: Uint8Array | undefined): string | Uint8Array {
  if (bytes === undefined) throw machine.fail("not a valid pickle: a string without quotes");
  return machine.options.python2Strings === "bytes" ? bytes : (decodeUtf8(bytes) ?? bytes);
}
