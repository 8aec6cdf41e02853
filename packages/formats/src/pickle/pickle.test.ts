// Pickles: round trips of arbitrary data, Python's own pickles in every protocol, and damage of every kind.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { FormatError, InvalidArgumentError } from "../errors.js";
import { numpyArrayOf, numpyScalarOf } from "./numpy.js";
import { readPickle } from "./read.js";
import { decodeLong, encodeLong } from "./text.js";
import { isTuple, OrderedDict, PickleFloat, PickleGlobal, PickleObject, PicklePersistentId, tuple } from "./values.js";
import { writePickle } from "./write.js";

const PYTHON = "/usr/bin/python3";
const hasPython = existsSync(PYTHON);
const hasNumpy = hasPython && spawnSync(PYTHON, ["-c", "import numpy"]).status === 0;

/** The pickles that a Python expression makes, in protocols 0 to 5. */
function pythonPickles(expression: string, setup = ""): Uint8Array[] {
  const program = `
import pickle, collections, datetime, sys
${setup}
print("\\n".join(pickle.dumps(${expression}, protocol).hex() for protocol in range(6)))`;
  const lines = execFileSync(PYTHON, ["-c", program], { encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => Uint8Array.from(Buffer.from(line, "hex")));
}

/** `repr` of a pickle in Python. */
function pythonRepr(bytes: Uint8Array): string {
  const program = "import pickle, sys; print(repr(pickle.loads(bytes.fromhex(sys.argv[1]))))";
  return execFileSync(PYTHON, ["-c", program, Buffer.from(bytes).toString("hex")], { encoding: "utf8" }).trim();
}

const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double(),
  fc.bigInt().map((value) => (value === BigInt.asIntN(54, value) ? Number(BigInt.asIntN(53, value)) : value)),
  fc.string({ unit: "binary" }).filter((text) => !/\p{Surrogate}/u.test(text)),
  fc.constantFrom("__proto__", "constructor", "toString"),
  fc.uint8Array().map((bytes) => new Uint8Array(bytes)),
);

const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    scalar,
    tie("list"),
    tie("tuple"),
    tie("dict"),
    tie("ordered"),
  ),
  list: fc.array(tie("value")),
  tuple: fc.array(tie("value")).map((items) => tuple(...items)),
  dict: fc.array(fc.tuple(scalar, tie("value"))).map((entries) => new Map(entries)),
  ordered: fc.array(fc.tuple(fc.string(), tie("value"))).map((entries) => new OrderedDict(entries)),
}));

test("whatever is written is read back, tuples as tuples and ordered dicts as such", () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const again = readPickle(writePickle(value));
      expect(again).toEqual(value);
      expect(shapeOf(again)).toEqual(shapeOf(value));
    }),
  );
});

/** The kinds of container, which `toEqual` does not tell apart. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return [isTuple(value) ? "tuple" : "list", ...value.map(shapeOf)];
  if (value instanceof OrderedDict) return ["ordered", ...[...value.values()].map(shapeOf)];
  if (value instanceof Map) return ["dict", ...[...value.values()].map(shapeOf)];
  return Object.is(value, -0) ? "-0" : typeof value;
}

test("objects, ids, sets and attributes are written and read back", () => {
  const object = new PickleObject({ callable: new PickleGlobal("a.b", "C"), args: tuple(1, "x"), how: "new" });
  object.state = new Map([["k", tuple(1)]]);
  object.items.push(1, 2);
  object.entries.set("a", null);
  const dict = new OrderedDict([["w", 1]]);
  dict.attributes = new Map([["_metadata", new OrderedDict()]]);
  const value = [object, object, new PicklePersistentId(tuple("storage", 1)), new Set([1, "a"]), dict];
  const again = readPickle(writePickle(value)) as unknown[];
  expect(again).toEqual(value);
  expect(again[1]).toBe(again[0]);
});

test("a cycle through a list stays a cycle", () => {
  const list: unknown[] = [1];
  list.push(list);
  const again = readPickle(writePickle(list)) as unknown[];
  expect(again[1]).toBe(again);
});

test("what is no data is refused by name", () => {
  expect(() => writePickle(new Date())).toThrow(InvalidArgumentError);
  expect(() => writePickle([undefined])).toThrow(InvalidArgumentError);
  expect(() => writePickle(() => 1)).toThrow(InvalidArgumentError);
  expect(() => writePickle("\ud800")).toThrow(/surrogates/);
  expect(() => writePickle(new PickleGlobal("os\nsystem", "x"))).toThrow(/line breaks/);
});

test("integers of any size keep their value", () => {
  fc.assert(
    fc.property(fc.bigInt(), (value) => {
      expect(BigInt(decodeLong(encodeLong(value)))).toBe(value);
    }),
  );
});

describe.skipIf(!hasPython)("Python (skipped where /usr/bin/python3 is absent)", () => {
  const data = `{"a": [1, -1, 255, 256, 65536, -2**31, 2**53, 2**80, -2**80, 0.1, 1e300, float("inf")],
    "t": (), "t1": (1,), "t4": (1, 2, 3, 4), None: True, (1, 2): False, "bytes": b"\\x00\\xff", "empty": b"",
    "u": "\\u00e4\\u2603\\U0001f600\\n\\\\", "long": "x" * 300, "bytearray": bytearray(b"ab"), "set": {1}, "frozen": frozenset([2]),
    "__proto__": {"polluted": 1}, "ordered": collections.OrderedDict([("x", 1)])}`;

  test("pickles of plain data mean the same in protocols 0 to 5", () => {
    const expected = new Map<unknown, unknown>([
      ["a", [1, -1, 255, 256, 65536, -(2 ** 31), 2n ** 53n, 2n ** 80n, -(2n ** 80n), 0.1, 1e300, Infinity]],
      ["t", []], ["t1", [1]], ["t4", [1, 2, 3, 4]], [null, true], [[1, 2], false],
      ["bytes", Uint8Array.of(0, 255)], ["empty", new Uint8Array(0)], ["u", "ä☃😀\n\\"], ["long", "x".repeat(300)],
      ["bytearray", bytesOf("ab")], ["set", new Set([1])], ["frozen", new Set([2])],
      ["__proto__", new Map([["polluted", 1]])], ["ordered", new OrderedDict([["x", 1]])],
    ]); // prettier-ignore
    for (const bytes of pythonPickles(data)) expect(readPickle(bytes)).toEqual(expected);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("objects of any class are records, and nothing of theirs runs", () => {
    const setup = `
import os
class Evil:
  def __reduce__(self): return (os.system, ("touch /tmp/PWNED_BY_PICKLE",))
class Plain:
  def __init__(self): self.x = 1
Plain.__module__ = Evil.__module__ = "__main__"`;
    for (const bytes of pythonPickles("[Evil(), Plain(), datetime.date(2020, 1, 2), len]", setup)) {
      const [evil, plain, date, len] = readPickle(bytes) as [PickleObject, PickleObject, PickleObject, PickleGlobal];
      expect(evil.is("system", "posix", "nt")).toBe(true);
      expect(evil.args).toEqual(["touch /tmp/PWNED_BY_PICKLE"]);
      expect(plain.is("Plain", "__main__")).toBe(true);
      expect(plain.state).toEqual(new Map([["x", 1]]));
      expect(date.is("date", "datetime")).toBe(true);
      expect(len.is("len", "builtins", "__builtin__")).toBe(true);
    }
    expect(existsSync("/tmp/PWNED_BY_PICKLE")).toBe(false);
  });

  test("what is written here is the same in Python", () => {
    const value = {
      numbers: [1, -1, 255, 256, 70000, -70000, 2 ** 40, 2n ** 70n, -(2n ** 2100n) % 10n, 0.1, -0, new PickleFloat(1)],
      tuples: [tuple(), tuple(1), tuple(1, 2), tuple(1, 2, 3, 4)],
      text: ["ä☃😀", "__proto__"],
      other: [null, true, false, Uint8Array.of(0, 255), new Uint8Array(0), new Set([1])],
      ordered: new OrderedDict([["x", new Map([[1, 2]])]]),
    };
    expect(pythonRepr(writePickle(value))).toBe(
      "{'numbers': [1, -1, 255, 256, 70000, -70000, 1099511627776, 1180591620717411303424, -6, 0.1, -0.0, 1.0], " +
        "'tuples': [(), (1,), (1, 2), (1, 2, 3, 4)], 'text': ['ä☃😀', '__proto__'], " +
        "'other': [None, True, False, b'\\x00\\xff', b'', {1}], 'ordered': OrderedDict([('x', {1: 2})])}",
    );
    expect(pythonRepr(writePickle(2n ** 3000n))).toBe(String(2n ** 3000n));
  });

  test("a memo of more than 256 objects is the same in Python", () => {
    const texts = Array.from({ length: 600 }, (_, i) => `text ${i}`);
    expect(pythonRepr(writePickle([...texts, ...texts]))).toBe(`['${[...texts, ...texts].join("', '")}']`);
  });

  test("lone surrogates and Python 2 strings are read", () => {
    for (const bytes of pythonPickles('"a\\ud800\\udc00b\\udfff"')) {
      const text = readPickle(bytes) as string;
      expect([text[0], text.at(-2), text.at(-1)]).toEqual(["a", "b", "\udfff"]);
    }
    expect(readPickle(bytesOf("S'a\\x41\\n\\''\n."))).toBe("aA\n'");
    expect(readPickle(bytesOf("U\x02\xff\xfe."))).toEqual(Uint8Array.of(0xff, 0xfe));
    expect(readPickle(bytesOf("U\x02ab."), { python2Strings: "bytes" })).toEqual(bytesOf("ab"));
  });

  test("cut short at any byte, it says so and at which byte", () => {
    for (const bytes of pythonPickles(data)) {
      for (let length = 0; length < bytes.length; length++) {
        const error = errorOf(() => readPickle(bytes.subarray(0, length), { file: "f.pkl", base: 100 }));
        expect(error).toBeInstanceOf(FormatError);
        expect((error as FormatError).offset).toBeGreaterThanOrEqual(100);
      }
    }
  });

  test("with any byte changed, it is read or refused, never worse", () => {
    const pickles = pythonPickles(data);
    fc.assert(
      fc.property(fc.nat(5), fc.nat(), fc.nat(255), (which, position, byte) => {
        const bytes = Uint8Array.from(pickles[which] ?? []);
        bytes[position % bytes.length] = byte;
        const error = errorOf(() => readPickle(bytes));
        if (error !== undefined) expect(error).toBeInstanceOf(FormatError);
      }),
      { numRuns: 2000 },
    );
  });
});

describe.skipIf(!hasNumpy)("numpy (skipped where /usr/bin/python3 has none)", () => {
  test("arrays and scalars mean the same in protocols 0 to 5, in any order of bytes and axes", () => {
    const arrays = `[numpy.arange(6, dtype="<f8").reshape(2, 3), numpy.arange(6, dtype=">i2").reshape(2, 3),
      numpy.asfortranarray(numpy.arange(6, dtype="f4").reshape(2, 3)), numpy.array([True, False]), numpy.zeros((0, 2)),
      numpy.float64(0.5), numpy.int64(-3), numpy.bool_(True), numpy.array(["text"], dtype=object)]`;
    for (const bytes of pythonPickles(arrays, "import numpy")) {
      const values = readPickle(bytes) as unknown[];
      const [f8, i2, fortran, bool, empty] = values.map((value, i) => (i < 5 ? numpyArrayOf(value) : undefined));
      expect(f8).toEqual({ dtype: "float64", shape: [2, 3], data: Float64Array.of(0, 1, 2, 3, 4, 5) });
      expect(i2).toEqual({ dtype: "int16", shape: [2, 3], data: Int16Array.of(0, 1, 2, 3, 4, 5) });
      expect(fortran).toEqual({ dtype: "float32", shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) });
      expect(bool).toEqual({ dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) });
      expect(empty).toEqual({ dtype: "float64", shape: [0, 2], data: new Float64Array(0) });
      expect(values.slice(5, 8).map((value) => numpyScalarOf(value))).toEqual([0.5, -3n, true]);
      expect(() => numpyArrayOf(values[8], "x.pkl")).toThrow(/x\.pkl: numpy arrays of type O8/);
    }
    expect(numpyArrayOf([1])).toBeUndefined();
    expect(numpyScalarOf(1)).toBeUndefined();
  });
});

describe("hostile pickles are refused:", () => {
  const cases: [string, string, RegExp][] = [
    ["an unknown instruction", "\xff", /unknown instruction 0xff/],
    ["a future protocol", "\x80\x06N.", /protocol 6/],
    ["an empty stack", ".", /stack is empty/],
    ["a pop below a mark", "N(.", /stack is empty/],
    ["a missing mark", "t.", /mark is missing/],
    ["a memo that is not set", "h\x01.", /memo 1/],
    ["more instructions than anything needs", "N0".repeat(5_000_001), /more than 10000000 instructions/],
    ["a negative length", "T\xff\xff\xff\xff.", /length of -1/],
    ["a text of 16 exabytes", "\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", /truncated/],
    ["a frame beyond the end", "\x95\xff\xff\xff\xff\xff\xff\xff\xffN.", /truncated/],
    ["an endless integer", `\x8b\x00\x00\x10\x00${"\x01".repeat(0x100000)}.`, /integer of/],
    ["a decimal integer without end", `L${"9".repeat(100_000)}\n.`, /integer/],
    ["endless nesting", "(".repeat(20_000), /nested more than/],
    ["an append to a number", "K\x01K\x01a.", /no list/],
    ["an append to a tuple", ")K\x01a.", /no list/],
    ["an item of a list", "]K\x01K\x02s.", /no dict/],
    ["a key without a value", "(K\x01d.", /key without a value/],
    ["the state of a dict", "}}b.", /plain data/],
    ["the state of a class", "cos\nsystem\n}b.", /plain data/],
    ["arguments that are no tuple", "cos\nsystem\nK\x01R.", /no tuple/],
    ["a global without text", "K\x01K\x02\x93.", /no text/],
    ["an extension code", "\x82\x01.", /extension code 1/],
    ["buffers elsewhere", "\x97.", /outside of the pickle/],
    ["a float of letters", "Fabc\n.", /digits/],
    ["text that is not UTF-8", "X\x01\x00\x00\x00\xff.", /no valid encoding/],
  ];
  test.each(cases)("%s", (_, bytes, message) => {
    const error = errorOf(() => readPickle(bytesOf(bytes)));
    expect(error).toBeInstanceOf(FormatError);
    expect((error as Error).message).toMatch(message);
  });
});

test("random bytes are read or refused, never worse", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const error = errorOf(() => readPickle(bytes));
      if (error !== undefined) expect(error).toBeInstanceOf(FormatError);
    }),
    { numRuns: 2000 },
  );
});

function errorOf(run: () => unknown): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}
