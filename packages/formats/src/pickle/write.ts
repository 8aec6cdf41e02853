// Writes pickles of protocol 2, which every Python since 2.3 and every PyTorch reads. See values.ts for what becomes what.
import { invalid } from "../errors.js";
import { ByteBuilder } from "./byte-builder.js";
import { decodeLatin1, encodeLong } from "./text.js";
import { isTuple, OrderedDict, PickleFloat, PickleGlobal, PickleObject, PicklePersistentId, tuple } from "./values.js";

/** Options of {@link writePickle}. */
export interface WritePickleOptions {
  /**
   * What to write in place of a value: asked for every object that is not plain data, undefined for "write it as it is".
   * An object that occurs several times is asked for once, and stays one object in Python.
   */
  readonly replace?: (value: object) => unknown;
}

/**
 * The pickle of a value. Plain objects become dicts; numbers become `int` where they are whole, else `float`
 * (`PickleFloat` for whole floats); arrays lists, and tuples where frozen; cycles through lists and dicts are fine.
 *
 * @example await writeFileAtomically("traj_data.pkl", writePickle({ yaw: [0.1, 0.2], position: tuple(1, 2) }));
 */
export function writePickle(value: unknown, options: WritePickleOptions = {}): Uint8Array<ArrayBuffer> {
  const writer = new Writer(options);
  writer.value(value, 0);
  return writer.finish();
}

/** Python's own reader has no limit, but nothing that deep was meant. */
const DEEPEST = 500;

const ORDERED_DICT = new PickleGlobal("collections", "OrderedDict");
const SET = new PickleGlobal("__builtin__", "set");
const ENCODE = new PickleGlobal("_codecs", "encode");
const EMPTY_BYTES = new PickleGlobal("__builtin__", "bytes");

class Writer {
  readonly #out = new ByteBuilder();
  /** Where Python's memo holds what was written before: strings by value, objects by identity. */
  readonly #memo = new Map<unknown, number>();
  readonly #replace: (value: object) => unknown;

  constructor({ replace = () => undefined }: WritePickleOptions) {
    this.#replace = replace;
    this.#out.u8(0x80, 2);
  }

  finish(): Uint8Array<ArrayBuffer> {
    this.#code(".");
    return this.#out.toBytes();
  }

  value(value: unknown, depth: number): void {
    if (depth > DEEPEST) throw invalid("value", `at most ${DEEPEST} levels of nesting`, "more");
    if (value === null) this.#code("N");
    else if (typeof value === "boolean") this.#out.u8(value ? 0x88 : 0x89);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "bigint") this.#integer(value);
    else if (value instanceof PickleFloat) this.#float(value.value);
    else if (typeof value !== "string" && typeof value !== "object") throw invalid("value", "data", value);
    else if (this.#memo.has(value)) this.#get(this.#memo.get(value) ?? 0);
    else if (typeof value === "string") this.#text(value);
    else this.#object(value, depth + 1);
  }

  #object(value: object, depth: number): void {
    if (value instanceof PicklePersistentId) {
      this.value(value.id, depth);
      this.#code("Q");
    } else if (value instanceof PickleGlobal) this.#global(value);
    else if (isTuple(value)) this.#tuple(value, depth);
    else if (Array.isArray(value)) this.#list(value, depth);
    else if (value instanceof OrderedDict) this.#orderedDict(value, depth);
    else if (value instanceof Map) this.#dict(value, value, depth);
    else if (value instanceof Set) this.#calls(value, SET, [[...value]], depth);
    else if (value instanceof Uint8Array) this.#bytes(value, depth);
    else if (value instanceof PickleObject) this.#pickleObject(value, depth);
    else this.#other(value, depth);
  }

  #other(value: object, depth: number): void {
    const replaced = this.#replace(value);
    if (replaced !== undefined) {
      this.value(replaced, depth);
      this.#put(value);
      return;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      throw invalid("value", "plain data (see @vid2world/formats, pickle values)", value);
    }
    this.#dict(value, Object.entries(value), depth);
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.#integer(BigInt(value));
    else this.#float(value);
  }

  #float(value: number): void {
    this.#code("G").f64be(value);
  }

  #integer(value: bigint): void {
    if (value >= 0n && value < 0x100n) this.#code("K").u8(Number(value));
    else if (value >= 0n && value < 0x10000n) this.#code("M").u16(Number(value));
    else if (value === BigInt.asIntN(32, value)) this.#code("J").i32(Number(value));
    else {
      const bytes = encodeLong(value);
      if (bytes.length < 0x100) this.#out.u8(0x8a, bytes.length);
      else this.#out.u8(0x8b).u32(bytes.length);
      this.#out.append(bytes);
    }
  }

  #text(value: string): void {
    if (/\p{Surrogate}/u.test(value)) throw invalid("value", "text without lone surrogates", value);
    const bytes = new TextEncoder().encode(value);
    this.#code("X").u32(bytes.length).append(bytes);
    this.#put(value);
  }

  #global({ module, name }: PickleGlobal): void {
    // The names stand on lines of their own, so a line feed in one would begin the next instruction.
    if (/[\r\n]/.test(module + name)) throw invalid("value", "names without line breaks", `${module}.${name}`);
    this.#code("c").append(new TextEncoder().encode(`${module}\n${name}\n`));
  }

  #tuple(items: readonly unknown[], depth: number): void {
    if (items.length === 0) return void this.#code(")");
    if (items.length > 3) this.#code("(");
    for (const item of items) this.value(item, depth);
    if (items.length > 3) this.#code("t");
    else this.#out.u8(0x84 + items.length);
    this.#put(items);
  }

  #list(list: readonly unknown[], depth: number): void {
    this.#code("]");
    this.#put(list);
    this.#items(list, depth);
  }

  #dict(identity: object, entries: Iterable<readonly [unknown, unknown]>, depth: number): void {
    this.#code("}");
    this.#put(identity);
    this.#entries(entries, depth);
  }

  #orderedDict(dict: OrderedDict, depth: number): void {
    this.#calls(dict, ORDERED_DICT, [], depth);
    this.#entries(dict, depth);
    if (dict.attributes !== undefined) this.#state(dict.attributes, depth);
  }

  /** Protocol 2 has no bytes: Python 3 writes them as Latin-1 text to be encoded. */
  #bytes(value: Uint8Array, depth: number): void {
    if (value.byteLength === 0) this.#calls(value, EMPTY_BYTES, [], depth);
    else this.#calls(value, ENCODE, [decodeLatin1(value), "latin1"], depth);
  }

  #pickleObject(value: PickleObject, depth: number): void {
    if (value.kwargs !== undefined) throw invalid("value", "an object made without keyword arguments", value);
    this.#calls(value, value.callable, value.args, depth, value.how === "new");
    this.#items(value.items, depth);
    this.#entries(value.entries, depth);
    if (value.state !== undefined) this.#state(value.state, depth);
  }

  #calls(identity: object, callable: unknown, args: readonly unknown[], depth: number, isNew = false): void {
    this.value(callable, depth);
    this.#tuple(tuple(...args), depth);
    if (isNew) this.#out.u8(0x81);
    else this.#code("R");
    this.#put(identity);
  }

  #items(items: readonly unknown[], depth: number): void {
    if (items.length === 0) return;
    this.#code("(");
    for (const item of items) this.value(item, depth);
    this.#code("e");
  }

  #entries(entries: Iterable<readonly [unknown, unknown]>, depth: number): void {
    const pairs = [...entries];
    if (pairs.length === 0) return;
    this.#code("(");
    for (const [key, value] of pairs) {
      this.value(key, depth);
      this.value(value, depth);
    }
    this.#code("u");
  }

  #state(state: unknown, depth: number): void {
    this.value(state, depth);
    this.#code("b");
  }

  #put(value: unknown): void {
    const index = this.#memo.size;
    this.#memo.set(value, index);
    if (index < 0x100) this.#code("q").u8(index);
    else this.#code("r").u32(index);
  }

  #get(index: number): void {
    if (index < 0x100) this.#code("h").u8(index);
    else this.#code("j").u32(index);
  }

  #code(letter: string): ByteBuilder {
    return this.#out.u8(letter.charCodeAt(0));
  }
}
