// A configuration's schema as JSON Schema, for editors: completion, and a wavy line under a key that does not exist.
import { z } from "zod";

type JsonSchema = { readonly [key: string]: unknown };

/**
 * JSON Schema (draft 7, which editors know best) of a configuration file. It allows `extends`, and leaves out which settings are required: they
 * may stand in the file that is extended. `vid2world train` still checks the whole.
 */
export function editorSchema(schema: z.ZodType, title: string): JsonSchema {
  const { $schema, ...whole } = z.toJSONSchema(schema, { target: "draft-7", io: "input", unrepresentable: "any" });
  const variants = (whole["oneOf"] ?? whole["anyOf"] ?? [whole]) as JsonSchema[];
  const files = variants.map((variant) => withExtends(optional(variant) as JsonSchema));
  return { $schema, title, ...(optional(definitionsOf(whole)) as JsonSchema), anyOf: files };
}

/** What variants refer to by `$ref`. */
function definitionsOf({ definitions, $defs }: JsonSchema): JsonSchema {
  return { ...(definitions !== undefined && { definitions }), ...($defs !== undefined && { $defs }) };
}

function withExtends(variant: JsonSchema): JsonSchema {
  const parent = { type: "string", description: "A configuration whose settings are taken where this file has none." };
  return { ...variant, properties: { extends: parent, ...(variant["properties"] as object) } };
}

/** The same without `required` lists. A setting that is called so stays: its value is no list. */
function optional(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(optional);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]) =>
      key === "required" && Array.isArray(value) ? [] : [[key, optional(value)]],
    ),
  );
}
