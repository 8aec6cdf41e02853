// The error classes that every package shares, and the one helper for bad arguments.

/** A function was called with a value it cannot take. `argument` is the name as the caller wrote it. */
export class InvalidArgumentError extends TypeError {
  override readonly name = "InvalidArgumentError";
  readonly argument: string;

  constructor(argument: string, message: string) {
    super(message);
    this.argument = argument;
  }
}

/** A file is not what its format promises. `offset` is the byte at which reading failed, where one can be named. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  readonly file: string;
  readonly offset: number | undefined;

  constructor(file: string, message: string, offset?: number, options?: ErrorOptions) {
    super(`${file}${offset === undefined ? "" : ` at byte ${offset}`}: ${message}`, options);
    this.file = file;
    this.offset = offset;
  }
}

/**
 * Builds (does not throw) the error for a bad argument.
 *
 * @example if (steps < 1) throw invalid("steps", "an integer >= 1", steps);
 */
export function invalid(name: string, expected: string, received: unknown): InvalidArgumentError {
  return new InvalidArgumentError(name, `${name}: expected ${expected}, received ${describe(received)}`);
}

const LONGEST = 120;

/** A short, single-line picture of any value, for messages only. */
export function describe(value: unknown): string {
  if (typeof value === "string") return shorten(JSON.stringify(value));
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `function ${value.name || "(anonymous)"}`;
  if (typeof value !== "object" || value === null) return String(value);
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  const prototype: unknown = Object.getPrototypeOf(value);
  // A class knows best how to show itself (a tensor, say); plain data is shown as data.
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return shorten(instance(value));
  try {
    return shorten(JSON.stringify(value));
  } catch {
    return "an object that has no JSON form"; // cycles, bigints inside
  }
}

function instance(value: { toString(): string }): string {
  const name = `(${value.constructor.name || "object"})`;
  return value.toString === Object.prototype.toString ? name : `${value.toString()} ${name}`;
}

function shorten(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 3)}...`;
}
