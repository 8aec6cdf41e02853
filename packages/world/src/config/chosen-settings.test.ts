// What was chosen in a configuration.
import { expect, test } from "vitest";
import * as z from "zod";
import { chosenSettings } from "./chosen-settings.js";

const inner = { steps: z.int().default(50), guidance: z.number().default(1) };
const before = z.object({ name: z.string(), sampler: z.object(inner).prefault({}), list: z.array(z.int()).optional() });
const later = z.object({
  fast: z.boolean().default(false),
  sampler: z.object({ ...inner, graphs: z.boolean().default(false) }).prefault({}),
  name: z.string(),
  list: z.array(z.int()).optional(),
});

test("only what differs from the defaults is told, and a later version with more settings tells the same", () => {
  const text = (schema: z.ZodType, given: unknown): string =>
    JSON.stringify(chosenSettings(schema, schema.parse(given)));
  expect(text(before, { name: "a", sampler: { steps: 8 } })).toBe('{"name":"a","sampler":{"steps":8}}');
  for (const given of [
    { name: "a" },
    { name: "b", sampler: { steps: 50 } },
    { name: "c", list: [1], sampler: { steps: 1 } },
  ])
    expect(text(later, given)).toBe(text(before, given));
  expect(text(later, { name: "a", sampler: { graphs: true } })).toBe('{"name":"a","sampler":{"graphs":true}}');
  expect(text(later, { name: "a", sampler: { steps: 50 } })).toBe(text(before, { name: "a" }));
});
