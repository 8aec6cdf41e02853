// Storage that a browser forbids.
import { expect, test } from "vitest";
import { storageOr } from "./storage.js";

test("what may not be stored is remembered as long as the page lasts", () => {
  const storage = storageOr(() => {
    throw new DOMException("the user blocks cookies", "SecurityError");
  });
  expect(storage.getItem("theme")).toBeNull();
  storage.setItem("theme", "dark");
  expect(storage.getItem("theme")).toBe("dark");
  storage.removeItem("theme");
  expect(storage.getItem("theme")).toBeNull();
});
