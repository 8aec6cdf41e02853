// What error messages say.
import { expect, test } from "vitest";

import { FormatError, InvalidArgumentError, describe, invalid } from "./errors.js";

test("invalid builds an error that names the argument, the expectation and the value", () => {
  const error = invalid("numGroups", "a divisor of 12", 5);
  expect(error).toBeInstanceOf(InvalidArgumentError);
  expect(error.message).toBe("numGroups: expected a divisor of 12, received 5");
  expect(error.argument).toBe("numGroups");
  expect(error.name).toBe("InvalidArgumentError");
});

test("a FormatError names the file and, where known, the byte", () => {
  expect(new FormatError("a.npz", "truncated", 17).message).toBe("a.npz at byte 17: truncated");
  expect(new FormatError("a.npz", "empty").message).toBe("a.npz: empty");
  expect(new FormatError("a.npz", "empty", 0).offset).toBe(0);
});

test("values are described on one short line", () => {
  class Tensor {
    toString(): string {
      return "Tensor[2, 3] float32 cpu";
    }
  }
  class Opaque {}
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  expect(describe("ten\n")).toBe('"ten\\n"');
  expect(describe(undefined)).toBe("undefined");
  expect(describe(3n)).toBe("3n");
  expect(describe([1, 2])).toBe("[1,2]");
  expect(describe(new Uint8Array(7))).toBe("Uint8Array of 7 bytes");
  expect(describe(new Tensor())).toContain("Tensor[2, 3] float32 cpu");
  expect(describe(new Opaque())).toBe("(Opaque)");
  expect(describe(Object.create(null))).toBe("{}");
  expect(describe(cycle)).toBe("an object that has no JSON form");
  expect(describe("x".repeat(1000)).length).toBe(120);
});
