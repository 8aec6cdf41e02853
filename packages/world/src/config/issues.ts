// Turns zod's issues into ours: one sentence per problem with expectation, received value and a suggestion for typing errors.
import type { z } from "zod";
import type { ConfigIssue } from "./config-error.js";
import type { ConfigDocument } from "./document.js";
import { suggest } from "./suggest.js";

type ZodIssue = z.core.$ZodIssue;
type ZodSchema = z.core.$ZodType;

/** All issues of a failed parse, in the order of the file. */
export function toConfigIssues(document: ConfigDocument, schema: ZodSchema, error: z.core.$ZodError): ConfigIssue[] {
  const issues = error.issues.flatMap((issue) => describe(document, schema, issue));
  return issues.sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity) || (a.column ?? 0) - (b.column ?? 0));
}

/** The issues of a value that is no configuration (a JSON file, say) as one line: path, expectation, suggestion. */
export function describeIssues(schema: ZodSchema, value: unknown, error: z.core.$ZodError): string {
  const document = { file: "", values: value as ConfigDocument["values"], place: () => undefined };
  const issues = toConfigIssues(document, schema, error).map(
    ({ path, message }) => `${path || "(document)"}: ${message}`,
  );
  const more = issues.length > LISTED_ISSUES ? `; and ${issues.length - LISTED_ISSUES} more` : "";
  return issues.slice(0, LISTED_ISSUES).join("; ") + more;
}

const LISTED_ISSUES = 5;

function describe(document: ConfigDocument, schema: ZodSchema, issue: ZodIssue): ConfigIssue[] {
  const at = (path: readonly PropertyKey[], message: string): ConfigIssue => ({
    path: path.map(String).join("."),
    message,
    ...document.place(path),
  });
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path, document.values);
    return issue.keys.map((key) => at([...issue.path, key], `unknown key${hint(key, known)}`));
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    // The branch that came furthest (its issues lie deepest) is the one the user meant.
    const depth = (branch: ZodIssue[]): number => Math.max(...branch.map((inner) => inner.path.length));
    const closest = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0] ?? [];
    const nested = closest.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
    return nested.flatMap((inner) => describe(document, schema, inner));
  }
  const received = valueAt(document.values, issue.path);
  // Checks of our own name the value themselves where that reads better.
  if (issue.code === "custom" && /\b(got|is)\b/.test(issue.message)) return [at(issue.path, issue.message)];
  return [at(issue.path, received === undefined ? `missing; ${expectation(issue)}` : mismatch(issue, received))];
}

function mismatch(issue: ZodIssue, received: unknown): string {
  const options = optionsOf(issue);
  const meant = typeof received === "string" && options ? suggest(received, options) : undefined;
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  return `${expectation(issue)}, received ${JSON.stringify(received)}${hint}`;
}

function expectation(issue: ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `expected ${typeName(issue)}`;
    case "too_small":
      return `expected ${sizeNoun(issue.origin)}${issue.inclusive === false ? ">" : ">="} ${String(issue.minimum)}`;
    case "too_big":
      return `expected ${sizeNoun(issue.origin)}${issue.inclusive === false ? "<" : "<="} ${String(issue.maximum)}`;
    default: {
      const options = optionsOf(issue);
      if (options) return `expected ${options.length > 1 ? "one of " : ""}${options.map((o) => `"${o}"`).join(", ")}`;
      return issue.message;
    }
  }
}

/** The expected type in the words of a YAML file. */
function typeName(issue: z.core.$ZodIssueInvalidType): string {
  const names: Partial<Record<string, string>> = {
    int: "an integer",
    number: "a number",
    string: "a string",
    boolean: "true or false",
    object: "a mapping",
    array: "a list",
  };
  return names[issue.expected] ?? issue.expected;
}

function sizeNoun(origin: string): string {
  return origin === "string" || origin === "array" ? `a ${origin} of length ` : "a number ";
}

function optionsOf(issue: ZodIssue): string[] | undefined {
  if (issue.code === "invalid_value") return issue.values.map(String);
  if (issue.code === "invalid_union") return (issue as { options?: unknown[] }).options?.map(String);
  return undefined;
}

function hint(key: string, known: readonly string[]): string {
  const meant = suggest(key, known);
  if (meant !== undefined) return `; did you mean "${meant}"?`;
  return known.length > 0 ? `; known keys: ${known.join(", ")}` : "";
}

function valueAt(values: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key],
    values,
  );
}

/** The keys that the schema knows at `path`; unions are resolved by what the document holds there. */
function keysAt(schema: ZodSchema, path: readonly PropertyKey[], value: unknown): string[] {
  const objects = objectsOf(schema, value);
  const [key, ...rest] = path;
  if (key === undefined) return [...new Set(objects.flatMap((shape) => Object.keys(shape)))];
  const inner = (value as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return objects.flatMap((shape) => {
    const child = shape[String(key)];
    return child ? keysAt(child, rest, inner) : [];
  });
}

type Shape = Readonly<Record<string, ZodSchema>>;

/** The object shapes that a schema may mean: wrappers (optional, default, pipe) are opened, unions narrowed by their literals. */
function objectsOf(schema: ZodSchema, value: unknown): Shape[] {
  const { def } = schema._zod as unknown as {
    def: { type: string; shape?: Shape; innerType?: ZodSchema; in?: ZodSchema; options?: ZodSchema[] };
  };
  if (def.shape) return [def.shape];
  if (def.innerType) return objectsOf(def.innerType, value);
  if (def.in) return objectsOf(def.in, value);
  if (!def.options) return [];
  const shapes = def.options.flatMap((option) => objectsOf(option, value));
  const fitting = shapes.filter((shape) => fitsLiterals(shape, value));
  return fitting.length > 0 ? fitting : shapes;
}

function fitsLiterals(shape: Shape, value: unknown): boolean {
  return Object.entries(shape).every(([key, child]) => {
    const { def } = child._zod as unknown as { def: { type: string; values?: unknown[] } };
    return def.type !== "literal" || def.values?.includes((value as Record<string, unknown> | undefined)?.[key]);
  });
}
