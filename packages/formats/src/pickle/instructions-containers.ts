// Instructions that build lists, tuples, dicts and sets, and those that move values about.
import { code } from "./instructions-literals.js";
import type { Instruction, Machine } from "./machine.js";
import { decodeLatin1 } from "./text.js";
import { isTuple, PickleObject } from "./values.js";

/** Instruction code (its ASCII letter where it has one) and effect. */
export const containerInstructions: readonly (readonly [number, Instruction])[] = [
  [code("("), (machine) => machine.mark()],
  [code("0"), (machine) => machine.discard()],
  [code("1"), (machine) => void machine.popMark()],
  [code("2"), (machine) => machine.push(machine.top())],

  [code("]"), (machine) => machine.push([])],
  [code("l"), (machine) => machine.push(machine.popMark())],
  [code("a"), (machine) => append(machine, machine.popMany(1))],
  [code("e"), (machine) => append(machine, machine.popMark())],

  [code(")"), (machine) => machine.push(Object.freeze([]))],
  [code("t"), (machine) => machine.push(Object.freeze(machine.popMark()))],
  [0x85, (machine) => machine.push(Object.freeze(machine.popMany(1)))],
  [0x86, (machine) => machine.push(Object.freeze(machine.popMany(2)))],
  [0x87, (machine) => machine.push(Object.freeze(machine.popMany(3)))],

  [code("}"), (machine) => machine.push(new Map())],
  [code("d"), (machine) => machine.push(setItems(machine, new Map(), machine.popMark()))],
  [code("s"), (machine) => setTop(machine, machine.popMany(2))],
  [code("u"), (machine) => setTop(machine, machine.popMark())],

  [0x8f, (machine) => machine.push(new Set())],
  [0x90, (machine) => addItems(machine, machine.popMark())],
  [0x91, (machine) => machine.push(new Set(machine.popMark()))],

  [code("p"), (machine) => machine.remember(textIndex(machine))],
  [code("q"), (machine) => machine.remember(machine.cursor.u8())],
  [code("r"), (machine) => machine.remember(machine.cursor.u32())],
  [0x94, (machine) => machine.remember(machine.memo.size)],
  [code("g"), (machine) => machine.recall(textIndex(machine))],
  [code("h"), (machine) => machine.recall(machine.cursor.u8())],
  [code("j"), (machine) => machine.recall(machine.cursor.u32())],
];

function textIndex(machine: Machine): number {
  const line = decodeLatin1(machine.cursor.line()).trim();
  if (!/^\d{1,10}$/.test(line)) throw machine.fail("not a valid pickle: a memo index is not written in digits");
  return Number(line);
}

function append(machine: Machine, items: readonly unknown[]): void {
  const target = machine.top();
  const list: unknown = target instanceof PickleObject ? target.items : target;
  if (!isList(list)) throw machine.fail("not a valid pickle: appends to what is no list");
  for (const item of items) list.push(item); // no spread: there may be millions
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value) && !isTuple(value);
}

function addItems(machine: Machine, items: readonly unknown[]): void {
  const target = machine.top();
  if (target instanceof PickleObject) return append(machine, items);
  if (!(target instanceof Set)) throw machine.fail("not a valid pickle: adds to what is no set");
  for (const item of items) target.add(item);
}

function setTop(machine: Machine, pairs: readonly unknown[]): void {
  const target = machine.top();
  const map: unknown = target instanceof PickleObject ? target.entries : target;
  if (!(map instanceof Map)) throw machine.fail("not a valid pickle: sets an item of what is no dict");
  setItems(machine, map as Map<unknown, unknown>, pairs);
}

/** `pairs` holds key, value, key, value ... A Map has no special keys, so `__proto__` is a key like any other. */
function setItems(machine: Machine, map: Map<unknown, unknown>, pairs: readonly unknown[]): Map<unknown, unknown> {
  if (pairs.length % 2 !== 0) throw machine.fail("not a valid pickle: a key without a value");
  for (let i = 0; i < pairs.length; i += 2) map.set(pairs[i], pairs[i + 1]);
  return map;
}
