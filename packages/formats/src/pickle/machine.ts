// The pickle machine: a stack, a memo, and one small function per instruction. It builds data and calls nothing.
import type { FormatError } from "../errors.js";
import type { Cursor } from "./cursor.js";
import { containerInstructions } from "./instructions-containers.js";
import { literalInstructions } from "./instructions-literals.js";
import { objectInstructions } from "./instructions-objects.js";
import type { PickleGlobal } from "./values.js";

/** How a reader of a particular kind of file takes part. Both functions only ever see data. */
export interface PickleHooks {
  /** The value for a persistent id. Without it, persistent ids stay records. */
  readonly persistentLoad?: (id: unknown, fail: (message: string) => FormatError) => unknown;
  /**
   * The value that stands for `callable(*args)`, or undefined to keep it as a record.
   * `fail` builds an error that names the place in the file.
   */
  readonly reduce?: (
    callable: PickleGlobal,
    args: readonly unknown[],
    fail: (message: string) => FormatError,
  ) => unknown;
}

/** What every run needs besides the bytes. */
export interface MachineOptions extends PickleHooks {
  readonly python2Strings: "utf-8" | "bytes";
  /** Instructions at most. One byte can make an object of a hundred, so a limit on bytes alone would not bound memory. */
  readonly maxSteps: number;
}

/** The default of `maxSteps`; a checkpoint of the full-size model takes a hundred thousand. */
export const PICKLE_MAX_STEPS = 10_000_000;

/** The effect of one instruction. */
export type Instruction = (machine: Machine) => void;

/** Open marks at one time. Python's own pickler stops far earlier (its recursion limit). */
const DEEPEST = 10_000;

/** The state of a run. Its methods check what Python's would crash or behave oddly on. */
export class Machine {
  readonly cursor: Cursor;
  readonly options: MachineOptions;
  readonly memo = new Map<number, unknown>();
  /** Where the instruction being run begins, for errors. */
  start = 0;
  readonly #stack: unknown[] = [];
  /** Stack heights at the open marks. */
  readonly #marks: number[] = [];

  constructor(cursor: Cursor, options: MachineOptions) {
    this.cursor = cursor;
    this.options = options;
  }

  /** Builds the error for the instruction being run. */
  readonly fail = (message: string): FormatError => this.cursor.fail(message, this.start);

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    this.#need(1);
    return this.#stack.pop();
  }

  /** The topmost value, which stays. */
  top(): unknown {
    this.#need(1);
    return this.#stack.at(-1);
  }

  mark(): void {
    if (this.#marks.length >= DEEPEST) throw this.fail(`nested more than ${DEEPEST} deep`);
    this.#marks.push(this.#stack.length);
  }

  /** Takes the values above the last mark, and the mark. */
  popMark(): unknown[] {
    const height = this.#marks.pop();
    if (height === undefined) throw this.fail("not a valid pickle: a mark is missing");
    return this.#stack.splice(height);
  }

  /** Takes `count` values, in the order in which they were pushed. */
  popMany(count: number): unknown[] {
    this.#need(count);
    return this.#stack.splice(this.#stack.length - count);
  }

  /** Takes the topmost value, or the mark if that is on top. */
  discard(): void {
    if (this.#stack.length > (this.#marks.at(-1) ?? 0)) this.#stack.pop();
    else this.popMark();
  }

  remember(index: number): void {
    this.memo.set(index, this.top());
  }

  recall(index: number): void {
    if (!this.memo.has(index)) throw this.fail(`not a valid pickle: memo ${index} is used before it is set`);
    this.push(this.memo.get(index));
  }

  #need(count: number): void {
    if (this.#stack.length - (this.#marks.at(-1) ?? 0) < count)
      throw this.fail("not a valid pickle: the stack is empty");
  }
}

const STOP = 0x2e;

const INSTRUCTIONS = new Map<number, Instruction>([
  ...literalInstructions,
  ...containerInstructions,
  ...objectInstructions,
]);

/** Runs one pickle from the cursor's position to its end, and leaves the cursor behind it. Returns its value. */
export function runPickle(cursor: Cursor, options: MachineOptions): unknown {
  const machine = new Machine(cursor, options);
  for (let step = 0; ; step++) {
    machine.start = cursor.position;
    if (step >= options.maxSteps) throw machine.fail(`more than ${options.maxSteps} instructions; refused`);
    const code = cursor.u8();
    if (code === STOP) return machine.pop();
    const instruction = INSTRUCTIONS.get(code);
    if (instruction === undefined) {
      throw machine.fail(`not a valid pickle: unknown instruction 0x${code.toString(16).padStart(2, "0")}`);
    }
    instruction(machine);
  }
}
