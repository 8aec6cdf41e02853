// How results are written.
import { expect, test } from "vitest";
import { compactJson } from "./report.js";

test("a result has a line for each of its rows, and reads back as it was", () => {
  const result = { benchmark: "soak", rows: [{ minutes: 1, bytes: 2 }, { list: [] }], text: "a\n{ b }", times: [1, 2] };
  const text = compactJson(result);
  expect(JSON.parse(text)).toEqual(result);
  expect(text.split("\n")).toContain('    { "minutes": 1, "bytes": 2 },');
  expect(text).toContain('"times": [ 1, 2 ]');
});
