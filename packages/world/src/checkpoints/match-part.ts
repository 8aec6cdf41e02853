// One network of given options against the tensors of a file: which tensor fills which, what is missing, what has another shape.
import { initializing } from "@vid2world/torch";

import type { CheckpointPart } from "../model/key-maps/latent-video-diffusion.js";
import { modernUNetKey } from "../model/key-maps/unet.js";
import { countElements } from "./checkpoint-file.js";
import type { Naming } from "./infer-unet.js";
import { partKinds, type PartKind, type PartOptions } from "./parts.js";
import { shapesBelow, type Shapes } from "./shapes.js";

/** Where the tensors of one network are in a file. */
export interface PartPlace {
  /** Whose names its keys are. */
  readonly naming: Naming;
  /** What its keys start with. */
  readonly prefix: string;
}

/** A tensor that is not as long as the options say. */
export interface MisshapenTensor {
  readonly key: string;
  readonly found: readonly number[];
  readonly expected: readonly number[];
}

/** How a network's tensors and a file's fit. */
export interface PartMatch {
  /** Our key of each tensor that is there, and its key in the file. */
  readonly keys: ReadonlyMap<string, string>;
  /** Elements of these tensors. */
  readonly parameters: number;
  /** Tensors that the options call for and the file lacks, by the file's naming. */
  readonly missing: readonly string[];
  readonly misshapen: readonly MisshapenTensor[];
}

/** The kind of a part, with its types tied to the part's name. */
export const kindOf = <Part extends CheckpointPart>(part: Part): PartKind<Part> => partKinds[part];

/**
 * Names and shapes of a network in our names; the network is built without memory. Undefined where no network can have these options.
 */
export function expectedShapes<Part extends CheckpointPart>(
  part: Part,
  options: PartOptions[Part],
): ReadonlyMap<string, readonly number[]> | undefined {
  try {
    const module = initializing({ device: "meta", random: false }, () => kindOf(part).build(options));
    const state = module.stateDict();
    const shapes = new Map([...state].map(([key, { shape }]) => [key, shape]));
    for (const tensor of state.values()) tensor.dispose();
    return shapes;
  } catch (error) {
    if (IMPOSSIBLE.has((error as Error).name)) return undefined;
    throw error;
  }
}

/** The keys below a part's prefix by their modern names: older base models call one embedding differently. */
export function storedNames(part: CheckpointPart, { prefix }: PartPlace, shapes: Shapes): Map<string, string> {
  const own = [...shapesBelow(shapes, prefix).keys()];
  return new Map(own.map((key) => [part === "unet" ? modernUNetKey(key) : key, key]));
}

/** Errors of constructors that are given sizes which do not go together. */
const IMPOSSIBLE = new Set(["ZodError", "$ZodError", "InvalidArgumentError", "ShapeError", "TorchError"]);

/** Compares; undefined where no network can have these options. */
export function matchPart<Part extends CheckpointPart>(
  part: Part,
  options: PartOptions[Part],
  place: PartPlace,
  shapes: Shapes,
): PartMatch | undefined {
  const expected = expectedShapes(part, options);
  if (!expected) return undefined;
  const map = kindOf(part).keyMap(options);
  const stored = storedNames(part, place, shapes);
  const keys = new Map<string, string>();
  const missing: string[] = [];
  const misshapen: MisshapenTensor[] = [];
  let parameters = 0;
  for (const [ours, shape] of expected) {
    const name = place.naming === "ours" ? ours : (map.toOriginal(ours) ?? ours);
    const key = place.prefix + (stored.get(name) ?? name);
    const found = shapes.get(key);
    if (found === undefined) {
      missing.push(key);
      continue;
    }
    keys.set(ours, key);
    parameters += countElements({ shape: found });
    if (found.join() !== shape.join()) misshapen.push({ key, found, expected: shape });
  }
  return { keys, parameters, missing, misshapen };
}
