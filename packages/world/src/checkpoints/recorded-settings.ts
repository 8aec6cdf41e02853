// What our own files say about the weights in them: JSON text in the metadata of safetensors, or beside the state dict of a
// Lightning-style file. It is read as anybody's text: what does not parse says nothing.
import { diffusionSchema, type DiffusionConfig } from "../diffusion/schedule.js";
import type { CheckpointFacts } from "./checkpoint-file.js";
import type { CheckpointPart } from "../model/key-maps/latent-video-diffusion.js";
import type { PartOptions } from "./parts.js";
import { partNames } from "./parts.js";

/** The key of our settings in either kind of file. */
export const SETTINGS_KEY = "vid2world";

/** What an export records. */
export interface RecordedSettings {
  readonly format: "vid2world-weights/1";
  /** Options of the networks in the file. */
  readonly parts: Partial<PartOptions>;
  /** Which of these are guesses. */
  readonly unknown?: Readonly<Partial<Record<CheckpointPart, readonly string[]>>>;
  readonly temporalLength?: number;
  readonly transfer?: string;
  readonly step?: number;
  readonly diffusion?: DiffusionConfig;
}

/** The facts in our settings, and in the metadata that training writes. */
export function recordedFacts(metadata: Readonly<Record<string, string>>): Partial<CheckpointFacts> {
  const { temporalLength, transfer, step, parts, unknown, diffusion } = parseRecord(metadata[SETTINGS_KEY]);
  const position = parseRecord(metadata["position"]);
  const own = typeof parts === "object" && parts !== null ? (parts as Record<string, unknown>) : {};
  const options = Object.fromEntries(
    partNames.flatMap((part) => (isRecord(own[part]) ? [[part, own[part]]] : [])),
  ) as Partial<PartOptions>;
  const autoencoder = parseRecord(metadata["autoencoder"]);
  if (Object.keys(autoencoder).length > 0) Object.assign(options, { autoencoder });
  const schedule = diffusionSchema.safeParse(diffusion);
  const at = [step, position["step"]].find((value) => typeof value === "number");
  return {
    ...(typeof temporalLength === "number" && { temporalLength }),
    ...(typeof transfer === "string" && { transfer }),
    ...(typeof at === "number" && { step: at }),
    ...(Object.keys(options).length > 0 && { options }),
    ...(isRecord(unknown) && { unknown: Object.fromEntries(Object.entries(unknown).map(listOfNames)) }),
    ...(schedule.success && { diffusion: schedule.data }),
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const listOfNames = ([part, names]: [string, unknown]): [string, string[]] => [
  part,
  Array.isArray(names) ? names.filter((name) => typeof name === "string") : [],
];

function parseRecord(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}
