// The few constructors whose result is plain data and follows from their arguments alone.
import { encodeLatin1 } from "./text.js";
import { OrderedDict, PickleGlobal, PickleObject } from "./values.js";

const BUILTINS = ["builtins", "__builtin__"] as const;

/** The value of `callable(*args)` for containers and bytes of Python's library, or undefined for anything else. */
export function plainData(callable: PickleGlobal, args: readonly unknown[]): unknown {
  if (callable.is("OrderedDict", "collections")) return orderedDict(args);
  if (callable.is("set", ...BUILTINS) || callable.is("frozenset", ...BUILTINS)) return set(args);
  if (callable.is("bytes", ...BUILTINS) || callable.is("bytearray", ...BUILTINS)) return bytes(args);
  if (callable.is("encode", "_codecs")) return bytes(args);
  if (callable.is("_reconstructor", "copyreg", "copy_reg")) return reconstructed(args);
  return undefined;
}

function orderedDict(args: readonly unknown[]): OrderedDict | undefined {
  if (args.length === 0) return new OrderedDict();
  const [pairs] = args;
  // Python 2 passes the items as a list of pairs.
  if (args.length > 1 || !Array.isArray(pairs) || !pairs.every(isPair)) return undefined;
  return new OrderedDict(pairs);
}

function isPair(value: unknown): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}

function set(args: readonly unknown[]): Set<unknown> | undefined {
  const [items = []] = args;
  return args.length <= 1 && Array.isArray(items) ? new Set(items as unknown[]) : undefined;
}

/** `bytes()`, `bytearray(b"..")`, and text that stands for bytes, which is how protocols below 3 write them. */
function bytes(args: readonly unknown[]): Uint8Array | undefined {
  const [content, encoding] = args;
  if (args.length === 0) return new Uint8Array(0);
  if (args.length === 1 && content instanceof Uint8Array) return content;
  const isLatin1 = encoding === "latin1" || encoding === "latin-1";
  return args.length === 2 && isLatin1 && typeof content === "string" ? encodeLatin1(content) : undefined;
}

/** How protocols 0 and 1 write an instance of an ordinary class. */
function reconstructed([callable, base, state]: readonly unknown[]): PickleObject | undefined {
  const isOrdinary = base instanceof PickleGlobal && base.is("object", ...BUILTINS) && state === null;
  return isOrdinary ? new PickleObject({ callable, args: [], how: "new" }) : undefined;
}
