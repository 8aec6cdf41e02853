// What a checkpoint is: which networks it holds, in whose names, with which options, and what is missing or strange.
import { scheduleKeys, type CheckpointPart } from "../model/key-maps/latent-video-diffusion.js";
import type { CheckpointEntry, CheckpointFacts } from "./checkpoint-file.js";
import { countElements } from "./checkpoint-file.js";
import { matchPart, kindOf, storedNames, type PartMatch, type PartPlace } from "./match-part.js";
import { partNames, type PartOptions } from "./parts.js";
import type { Shapes } from "./shapes.js";
import { structuralDifferences } from "./structure.js";

/** One network of a checkpoint. */
export interface IdentifiedPart<Part extends CheckpointPart = CheckpointPart> extends PartPlace, PartMatch {
  readonly part: Part;
  /** Recorded in the file, or read off the shapes. */
  readonly options: PartOptions[Part];
  /** Options that neither tells. */
  readonly unknown: readonly string[];
}

/** The networks of a checkpoint by name. */
export type IdentifiedParts = { readonly [Part in CheckpointPart]?: IdentifiedPart<Part> };

/** Tensors and their elements of one element type. */
export interface PrecisionShare {
  readonly tensors: number;
  readonly elements: number;
}

/** What a checkpoint holds. */
export interface CheckpointContent {
  readonly parts: IdentifiedParts;
  /** How the frame rate's embedding is called: older base models say `framestride_embed`. */
  readonly fpsSpelling: "fps_embedding" | "framestride_embed" | undefined;
  /** Tables of the noise schedule that are there. */
  readonly scheduleKeys: readonly string[];
  /** Keys of an optimiser or of a moving average. */
  readonly trainingState: readonly string[];
  /** Keys that belong to none of the networks. */
  readonly foreign: readonly string[];
  /** By element type. */
  readonly precision: ReadonlyMap<string, PrecisionShare>;
}

/**
 * Looks at names and shapes only. Options that the file or a configuration beside it states are taken, where they fit, instead of what
 * the shapes tell.
 */
export function identifyCheckpoint(
  tensors: ReadonlyMap<string, CheckpointEntry>,
  recorded: Pick<CheckpointFacts, "options" | "unknown"> = {},
): CheckpointContent {
  const shapes = new Map([...tensors].map(([key, { shape }]) => [key, shape]));
  const parts: { [Part in CheckpointPart]?: IdentifiedPart<Part> } = {};
  const claimed = new Set<string>();
  const claim = <Part extends CheckpointPart>(part: Part): void => {
    const found = identifyPart(part, shapes, recorded.options?.[part], recorded.unknown?.[part]);
    if (!found) return;
    Object.assign(parts, { [part]: found });
    for (const key of found.keys.values()) claimed.add(key);
  };
  for (const part of partNames) claim(part);
  const rest = [...tensors.keys()].filter((key) => !claimed.has(key));
  const isSchedule = (key: string): boolean => (scheduleKeys as readonly string[]).includes(key);
  return {
    parts,
    fpsSpelling: spellingOf(tensors.keys()),
    scheduleKeys: rest.filter(isSchedule),
    trainingState: rest.filter((key) => TRAINING_STATE.test(key)),
    foreign: rest.filter((key) => !isSchedule(key) && !TRAINING_STATE.test(key)),
    precision: precisionOf(tensors.values()),
  };
}

const TRAINING_STATE = /^(optimizer|ema|model_ema)\./;
/** A network below these is no network of its own: part of the image tower, or training state. */
const NOT_A_PLACE = /(^|\.)(visual|optimizer|ema|model_ema)\./;

function identifyPart<Part extends CheckpointPart>(
  part: Part,
  shapes: Shapes,
  recorded: PartOptions[Part] | undefined,
  unknown: readonly string[] = [],
): IdentifiedPart<Part> | undefined {
  for (const place of placesOf(part, shapes)) {
    const stored = storedNames(part, place, shapes);
    const own = new Map([...stored].map(([name, key]) => [name, shapes.get(place.prefix + key) ?? []]));
    const inferred = kindOf(part).infer(own, place.naming);
    if (!inferred) continue;
    // What is recorded is anybody's text: it is only believed, and built, where it agrees with what the tensors say.
    const agrees = recorded && structuralDifferences(inferred, recorded).length === 0;
    const fits = agrees && matchPart(part, recorded, place, shapes);
    if (fits && recorded && fits.misshapen.length + fits.missing.length === 0)
      return { part, ...place, options: recorded, unknown, ...fits };
    const match = matchPart(part, inferred.options, place, shapes);
    if (match) return { part, ...place, ...inferred, ...match };
  }
  return undefined;
}

/** Where a part could be, outermost first. */
function placesOf(part: CheckpointPart, shapes: Shapes): PartPlace[] {
  const places: PartPlace[] = [];
  for (const naming of ["original", "ours"] as const) {
    const marker = kindOf(part).marker[naming];
    for (const key of shapes.keys()) {
      if (!key.endsWith(marker)) continue;
      const prefix = key.slice(0, -marker.length);
      if ((prefix === "" || prefix.endsWith(".")) && !NOT_A_PLACE.test(prefix)) places.push({ naming, prefix });
    }
  }
  return places.sort((a, b) => a.prefix.length - b.prefix.length);
}

function spellingOf(keys: Iterable<string>): CheckpointContent["fpsSpelling"] {
  for (const key of keys) {
    const spelling = /(?:^|\.)(framestride_embed|fps_embedding)\./.exec(key)?.[1];
    if (spelling !== undefined) return spelling as CheckpointContent["fpsSpelling"];
  }
  return undefined;
}

function precisionOf(entries: Iterable<CheckpointEntry>): CheckpointContent["precision"] {
  const precision = new Map<string, PrecisionShare>();
  for (const entry of entries) {
    const { tensors, elements } = precision.get(entry.dtype) ?? { tensors: 0, elements: 0 };
    precision.set(entry.dtype, { tensors: tensors + 1, elements: elements + countElements(entry) });
  }
  return precision;
}
