// Instructions that would import and call things. Here they make records; only a few constructors of plain data are
// understood (see plain-data.ts), and what the file's kind of reader understands.
import { code } from "./instructions-literals.js";
import type { Instruction, Machine } from "./machine.js";
import { plainData } from "./plain-data.js";
import { decodeUtf8 } from "./text.js";
import { isTuple, OrderedDict, PickleGlobal, PickleObject, PicklePersistentId } from "./values.js";

/** Instruction code (its ASCII letter where it has one) and effect. */
export const objectInstructions: readonly (readonly [number, Instruction])[] = [
  [code("c"), (machine) => machine.push(new PickleGlobal(name(machine), name(machine)))],
  [0x93, stackGlobal],
  [code("R"), (machine) => call(machine, ...twoOf(machine.popMany(2)))],
  [code("b"), (machine) => build(machine, machine.pop())],
  [code("i"), (machine) => call(machine, new PickleGlobal(name(machine), name(machine)), machine.popMark())],
  [code("o"), obj],
  [0x81, (machine) => newObject(machine, ...twoOf(machine.popMany(2)))],
  [0x92, newObjectWithKeywords],
  [code("P"), (machine) => persistent(machine, name(machine))],
  [code("Q"), (machine) => persistent(machine, machine.pop())],
  [0x82, (machine) => extension(machine, machine.cursor.u8())],
  [0x83, (machine) => extension(machine, machine.cursor.u16())],
  [0x84, (machine) => extension(machine, machine.cursor.i32())],
  [0x97, outOfBand],
  [0x98, (machine) => void machine.top()], // the topmost buffer becomes read-only, which means nothing here
];

function name(machine: Machine): string {
  const text = decodeUtf8(machine.cursor.line());
  if (text === undefined) throw machine.fail("not a valid pickle: a name that is not UTF-8");
  return text.replace(/\r$/, "");
}

function twoOf(values: readonly unknown[]): [unknown, unknown] {
  return [values[0], values[1]];
}

function stackGlobal(machine: Machine): void {
  const [module, global] = twoOf(machine.popMany(2));
  if (typeof module !== "string" || typeof global !== "string") {
    throw machine.fail("not a valid pickle: the name of a global is no text");
  }
  machine.push(new PickleGlobal(module, global));
}

function obj(machine: Machine): void {
  const [callable, ...args] = machine.popMark();
  if (callable === undefined) throw machine.fail("not a valid pickle: an object without a class");
  call(machine, callable, args);
}

/** `callable(*args)`: the value that it stands for, or a record. */
function call(machine: Machine, callable: unknown, args: unknown): void {
  const list = argumentList(machine, args);
  const known =
    callable instanceof PickleGlobal
      ? (machine.options.reduce?.(callable, list, machine.fail) ?? plainData(callable, list))
      : undefined;
  machine.push(known === undefined ? new PickleObject({ callable, args: list, how: "call" }) : known);
}

function newObject(machine: Machine, callable: unknown, args: unknown): void {
  const list = argumentList(machine, args);
  // OrderedDict subclasses aside, nothing made by `__new__` alone has a plain form.
  const known = callable instanceof PickleGlobal && list.length === 0 ? plainData(callable, list) : undefined;
  machine.push(known === undefined ? new PickleObject({ callable, args: list, how: "new" }) : known);
}

function newObjectWithKeywords(machine: Machine): void {
  const [callable, args, kwargs] = machine.popMany(3);
  if (!(kwargs instanceof Map)) throw machine.fail("not a valid pickle: keyword arguments that are no dict");
  machine.push(new PickleObject({ callable, args: argumentList(machine, args), how: "new", kwargs }));
}

function argumentList(machine: Machine, args: unknown): readonly unknown[] {
  if (Array.isArray(args)) return isTuple(args) ? args : Object.freeze(args as unknown[]);
  throw machine.fail("not a valid pickle: arguments that are no tuple");
}

function build(machine: Machine, state: unknown): void {
  const target = machine.top();
  if (target instanceof PickleObject) target.state = state;
  else if (target instanceof OrderedDict && state instanceof Map) target.attributes = state;
  else throw machine.fail("not a valid pickle: sets the state of plain data");
}

function persistent(machine: Machine, id: unknown): void {
  const { persistentLoad } = machine.options;
  machine.push(persistentLoad === undefined ? new PicklePersistentId(id) : persistentLoad(id, machine.fail));
}

function extension(machine: Machine, number: number): void {
  throw machine.fail(`extension code ${number} belongs to the program that wrote the file; it cannot be read`);
}

function outOfBand(machine: Machine): void {
  throw machine.fail("its buffers were stored outside of the pickle; it cannot be read alone");
}
