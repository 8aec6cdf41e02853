// The values that a pickle turns into here, and out of which one is written: plain JavaScript and a few inert records.
//
//   None, bool, int, float, str   null, boolean, number (bigint beyond 2^53), number, string
//   bytes, bytearray              Uint8Array (a view of the pickle's own bytes)
//   list / tuple                  array / frozen array (see `tuple`)
//   dict / OrderedDict            Map / OrderedDict, keys of any kind
//   set, frozenset                Set
//   a class or a function         PickleGlobal: its name, never looked up
//   anything made by calling one  PickleObject: what would have been called with what, never called

/** A class or function that a pickle names. Only the name: nothing is imported, looked up or called. */
export class PickleGlobal {
  readonly module: string;
  readonly name: string;

  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }

  /** Whether this is `name` of one of the given modules (Python 2, Python 3 and numpy 2 moved some). */
  is(name: string, ...modules: readonly string[]): boolean {
    return this.name === name && modules.includes(this.module);
  }

  /** `module.name`, for messages. */
  toString(): string {
    return `${this.module}.${this.name}`;
  }
}

/** What {@link PickleObject} is made of. */
export interface PickleObjectFields {
  /** What Python would have called: a {@link PickleGlobal}, or whatever the file put there. */
  readonly callable: unknown;
  /** Positional arguments. */
  readonly args: readonly unknown[];
  /** `call`: `callable(*args)`. `new`: `callable.__new__(callable, *args, **kwargs)`, so no constructor. */
  readonly how: "call" | "new";
  readonly kwargs?: ReadonlyMap<unknown, unknown> | undefined;
}

/** An object that Python would have built by running code; here a record of what the file says. */
export class PickleObject implements PickleObjectFields {
  readonly callable: unknown;
  readonly args: readonly unknown[];
  readonly how: "call" | "new";
  readonly kwargs: ReadonlyMap<unknown, unknown> | undefined;
  /** What `__setstate__` would have got; undefined if the file sets no state. */
  state: unknown;
  /** What would have been appended to it, in order (it is a list or has `append`). */
  readonly items: unknown[] = [];
  /** What would have been set on it by key (it is a dict of some kind, such as a `defaultdict`). */
  readonly entries = new Map<unknown, unknown>();

  constructor({ callable, args, how, kwargs }: PickleObjectFields) {
    this.callable = callable;
    this.args = args;
    this.how = how;
    this.kwargs = kwargs;
  }

  /** Whether it is made by `name` of one of the given modules. */
  is(name: string, ...modules: readonly string[]): boolean {
    return this.callable instanceof PickleGlobal && this.callable.is(name, ...modules);
  }

  /** `module.name` of what would have made it, for messages. */
  toString(): string {
    return this.callable instanceof PickleGlobal ? this.callable.toString() : "an object without a class";
  }
}

/** A persistent id that no `persistentLoad` resolved, or that `writePickle` should write. */
export class PicklePersistentId {
  readonly id: unknown;

  constructor(id: unknown) {
    this.id = id;
  }
}

/** A `collections.OrderedDict`: a Map that remembers its class, and the attributes that some have (`_metadata`). */
export class OrderedDict<K = unknown, V = unknown> extends Map<K, V> {
  /** The instance's `__dict__`, where the file has one. */
  attributes: ReadonlyMap<unknown, unknown> | undefined;
}

/** A number that must be written as a Python float although its value is whole. Readers give plain numbers. */
export class PickleFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/**
 * A Python tuple: a frozen array.
 *
 * @example writePickle(new Map([["size", tuple(3, 4)]]))
 */
export function tuple<T extends readonly unknown[]>(...items: T): Readonly<T> {
  return Object.freeze(items);
}

/** Whether a value that was read, or is to be written, is a tuple; lists are arrays that are not frozen. */
export function isTuple(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && Object.isFrozen(value);
}
