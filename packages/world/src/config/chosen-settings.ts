// What was chosen in a configuration, as against what a schema filled in: it stays the same when a later version knows further settings.
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";

/**
 * A checked value without the settings that have their default, names in order. Lists and unions are taken as they are.
 *
 * @example chosenSettings(samplerSchema, samplerSchema.parse({ numSteps: 8 })); // { numSteps: 8 }
 */
export function chosenSettings(schema: z.ZodType, value: unknown): unknown {
  const inner = unwrapped(schema);
  if (!(inner instanceof z.ZodObject) || typeof value !== "object" || value === null) return value;
  const given = value as Readonly<Record<string, unknown>>;
  const shape: Readonly<Record<string, z.ZodType>> = inner.shape;
  const fields = Object.entries(shape);
  return Object.fromEntries(
    fields
      .filter(([name, field]) => given[name] !== undefined && !isDeepStrictEqual(given[name], usual(field)))
      .map(([name, field]) => [name, chosenSettings(field, given[name])] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}

/** What a setting is where nothing is said of it. */
const usual = (field: z.ZodType): unknown => field.safeParse(undefined).data;

function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional)
    return unwrapped(schema.unwrap() as z.ZodType);
  return schema;
}
