// Reads numbers, lines and runs of bytes from a buffer, and names the byte when there are not enough of them.
import { FormatError } from "../errors.js";

const NEWLINE = 0x0a;

/** A position in a pickle. Every read checks that the bytes are there. */
export class Cursor {
  position = 0;
  /** Whether a read wanted more than there is: a longer piece of the same file might be fine. */
  ranOut = false;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #file: string;
  readonly #base: number;
  readonly #label: string;

  /** `base` is added to the positions that errors name; `label` begins their sentences. */
  constructor(bytes: Uint8Array, file: string, base = 0, label = "") {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#file = file;
    this.#base = base;
    this.#label = label;
  }

  /** Builds (does not throw) the error for what is wrong at `at`, by default here. */
  fail(message: string, at = this.position): FormatError {
    return new FormatError(this.#file, `${this.#label}${message}`, this.#base + at);
  }

  /** The next `length` bytes, as a view. */
  take(length: number): Uint8Array {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  /** A length of eight bytes; more than any buffer holds reads as running out. */
  u64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  /** Pickles keep doubles in network order. */
  f64(): number {
    return this.#view.getFloat64(this.#advance(8), false);
  }

  /** The bytes up to the next line feed, which is skipped. */
  line(): Uint8Array {
    const end = this.#bytes.indexOf(NEWLINE, this.position);
    if (end < 0) throw this.#runOut();
    const line = this.#bytes.subarray(this.position, end);
    this.position = end + 1;
    return line;
  }

  /** Checks that `length` more bytes are there without reading them. */
  need(length: number): void {
    if (length > this.#bytes.byteLength - this.position) throw this.#runOut();
  }

  #advance(length: number): number {
    this.need(length);
    const start = this.position;
    this.position += length;
    return start;
  }

  #runOut(): FormatError {
    this.ranOut = true;
    return this.fail("truncated: the pickle ends in the middle of an instruction", this.#bytes.byteLength);
  }
}
