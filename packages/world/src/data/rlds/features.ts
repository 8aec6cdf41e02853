// `features.json` of a TFDS folder: which fields a step of an episode has, of which type and shape, and how they are stored.
import { readFile } from "node:fs/promises";
import { FormatError } from "@vid2world/formats";
import { z } from "zod";

/** A field of a step. Its values for all steps stand in one list of the record, under {@link StepField.key}. */
export interface StepField {
  /** Path below the step: "action/world_vector". */
  readonly path: string;
  /** Name of the list in a record: "steps/action/world_vector". */
  readonly key: string;
  /** `image`: one encoded picture per step; `numbers`: as many as `shape` has elements; `text`: one string. */
  readonly kind: "image" | "numbers" | "text";
  /** Of one step; a dimension that varies is -1. */
  readonly shape: readonly number[];
  /** Element type as features.json names it, such as "float32". */
  readonly dtype: string;
}

const shapeSchema = z.object({ dimensions: z.array(z.coerce.number().int()).default([]) }).default({ dimensions: [] });
const leafSchema = z.object({
  shape: shapeSchema,
  dtype: z.string().default("uint8"),
  encoding: z.string().default("none"),
});

/** A feature as features.json writes it: one of these members says which kind it is. */
interface RawFeature {
  featuresDict?: { features: Record<string, RawFeature> };
  sequence?: { feature: RawFeature };
  tensor?: unknown;
  image?: unknown;
  text?: unknown;
}

const featureSchema: z.ZodType<RawFeature> = z.lazy(() =>
  z.object({
    featuresDict: z.object({ features: z.record(z.string(), featureSchema) }).optional(),
    sequence: z.object({ feature: featureSchema }).optional(),
    tensor: z.unknown().optional(),
    image: z.unknown().optional(),
    text: z.unknown().optional(),
  }),
) as z.ZodType<RawFeature>;

/** Reads features.json and returns the fields of a step by path. Fields of kinds that are not read here are left out. */
export async function readStepFields(file: string): Promise<ReadonlyMap<string, StepField>> {
  const parsed = featureSchema.safeParse(await readJson(file));
  if (!parsed.success) throw new FormatError(file, `no features of TFDS: ${z.prettifyError(parsed.error)}`);
  const root = parsed.data.featuresDict?.features ?? {};
  const steps = root.steps?.sequence?.feature.featuresDict?.features;
  if (steps === undefined) {
    const held = Object.keys(root).join(", ") || "none";
    throw new FormatError(
      file,
      `no RLDS data: a feature "steps" is needed, a dataset of steps; its features are ${held}`,
    );
  }
  return new Map(leaves(steps, "").map((field) => [field.path, field]));
}

function leaves(features: Readonly<Record<string, RawFeature>>, prefix: string): StepField[] {
  return Object.entries(features).flatMap(([name, feature]) => {
    const path = prefix + name;
    if (feature.featuresDict !== undefined) return leaves(feature.featuresDict.features, `${path}/`);
    const field = { path, key: `steps/${path}` };
    if (feature.image !== undefined) return [{ ...field, kind: "image" as const, ...shapeAndType(feature.image) }];
    if (feature.text !== undefined) return [{ ...field, kind: "text" as const, shape: [], dtype: "string" }];
    const leaf = feature.tensor === undefined ? undefined : leafSchema.safeParse(feature.tensor).data;
    // Tensors may also be stored as bytes, and ragged ones in several lists; no dataset of the family needs them here.
    if (leaf === undefined || leaf.encoding.toLowerCase() !== "none" || leaf.shape.dimensions.includes(-1)) return [];
    const kind = leaf.dtype === "string" ? ("text" as const) : ("numbers" as const);
    return [{ ...field, kind, shape: leaf.shape.dimensions, dtype: leaf.dtype }];
  });
}

function shapeAndType(leaf: unknown): Pick<StepField, "shape" | "dtype"> {
  const parsed = leafSchema.safeParse(leaf).data;
  return { shape: parsed?.shape.dimensions ?? [], dtype: parsed?.dtype ?? "uint8" };
}

/** A JSON file of a dataset; what is wrong with it is a FormatError. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as unknown;
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new FormatError(file, missing ? "missing" : `not readable JSON: ${(cause as Error).message}`, undefined, {
      cause,
    });
  }
}
