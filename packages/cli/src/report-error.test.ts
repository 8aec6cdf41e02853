// What a user sees when a command fails.
import { FormatError, invalid } from "@vid2world/formats";
import { expect, test } from "vitest";

import { describeError } from "./report-error.js";

test("an error that explains itself is shown as its message alone", () => {
  const error = new FormatError("a.safetensors", "truncated", 12);
  expect(describeError(error, { verbose: false })).toBe("error: a.safetensors at byte 12: truncated");
  expect(describeError(invalid("steps", "an integer >= 1", 0), { verbose: false })).not.toContain("\n");
});

test("a system error keeps the file name", () => {
  const error = Object.assign(new Error("ENOENT: no such file or directory, open 'x'"), { code: "ENOENT" });
  expect(describeError(error, { verbose: false })).toBe("error: ENOENT: no such file or directory, open 'x'");
});

test("any other error admits that it is a fault of ours and says how to see more", () => {
  expect(describeError(new RangeError("oops"), { verbose: false })).toMatch(/^error: oops \(a fault inside vid2world/);
});

test("with --verbose the stack and the causes are shown", () => {
  const shown = describeError(new Error("outer", { cause: new Error("inner") }), { verbose: true });
  expect(shown).toMatch(/outer[^]*report-error\.test[^]*caused by: Error: inner/);
});

test("a thrown string is shown too", () => {
  expect(describeError("just text", { verbose: false })).toBe("error: just text");
});
