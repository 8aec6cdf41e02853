// What a user sees when a command fails.
import { FormatError, invalid } from "@vid2world/formats";
import { expect, test } from "vitest";

import { describeError } from "./report-error.js";

test("an error that explains itself is shown as its message alone", () => {
  const error = new FormatError("a.safetensors", "truncated", 12);
  expect(describeError(error, { verbose: false })).toBe("error: a.safetensors at byte 12: truncated");
  expect(describeError(invalid("steps", "an integer >= 1", 0), { verbose: false })).not.toContain("\n");
});

test("every error class of the packages explains itself", async () => {
  const packages = [import("@vid2world/formats"), import("@vid2world/torch"), import("@vid2world/world")];
  const more = [import("@vid2world/world/training/run"), import("@vid2world/world/data/loader")];
  const exported = (await Promise.all([...packages, ...more])).flatMap((module) => Object.keys(module));
  const errors = exported.filter((name) => name.endsWith("Error"));
  expect(errors).toEqual(expect.arrayContaining(["FormatError", "ConfigError", "RunFolderError"]));
  for (const name of errors) {
    const error = Object.assign(new Error("what is wrong"), { name });
    expect(describeError(error, { verbose: false })).toBe("error: what is wrong");
  }
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
