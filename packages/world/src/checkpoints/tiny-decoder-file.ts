// A tiny decoder as one file: ours (safetensors with its options in the metadata), or a TAESD decoder as it is published.
import { FormatError } from "@vid2world/formats";
import { type Device, saveSafetensors } from "@vid2world/torch";
import { makeKeyMap } from "../model/key-maps/key-map.js";
import { type TinyDecoderForm, tinyDecoderForms, tinyDecoderKeyPairs } from "../model/key-maps/tiny-decoder.js";
import { type TinyDecoderOptions, tinyDecoderSchema } from "../model/tiny-decoder/options.js";
import { TinyDecoder } from "../model/tiny-decoder/tiny-decoder.js";
import type { CheckpointFile } from "./checkpoint-file.js";
import { fillModule } from "./fill-module.js";
import { openCheckpoint } from "./open-checkpoint.js";

/** The file's name in a run's or a world's folder. */
export const TINY_DECODER_FILE = "tiny-decoder.safetensors";

/** Writes `decoder` to `file`. */
export async function saveTinyDecoder(
  file: string,
  decoder: TinyDecoder,
  options: { readonly dtype?: "float32" | "float16" } = {},
): Promise<void> {
  const metadata = { tinyDecoder: JSON.stringify(decoder.options) };
  await saveSafetensors(file, decoder.stateDict(), { ...options, metadata });
}

/** How a tiny decoder is loaded. */
export interface LoadTinyDecoderOptions {
  /** Type of the weights in memory; the file may hold another. Default float32. */
  readonly dtype?: "float32" | "bfloat16" | "float16";
  readonly device?: Device;
}

/**
 * Reads what `saveTinyDecoder` wrote, or a published decoder: `taesd_decoder.pth` or `.safetensors`, or diffusers' AutoencoderTiny, whose
 * encoder is left alone. Ready for evaluation.
 * @throws FormatError for a file that is neither, or that lacks tensors.
 */
export async function loadTinyDecoder(
  path: string,
  { dtype = "float32", device = "cpu" }: LoadTinyDecoderOptions = {},
): Promise<TinyDecoder> {
  await using file = await openCheckpoint(path);
  const { options, keys } = describe(file);
  const decoder = new TinyDecoder(options);
  for (const [ours, { shape }] of decoder.stateDict()) {
    const theirs = keys(ours);
    const found = file.tensors.get(theirs)?.shape;
    if (found?.join() !== shape.join())
      throw new FormatError(
        path,
        `tensor ${JSON.stringify(theirs)} is ${found ? `[${found.join(", ")}]` : "missing"}, expected [${shape.join(", ")}] of a tiny decoder`,
      );
  }
  await fillModule(decoder, file, new Map([...decoder.stateDict().keys()].map((key) => [key, keys(key)])));
  return decoder.to(dtype).to(device).requiresGrad_(false).eval();
}

interface Described {
  readonly options: TinyDecoderOptions;
  /** The file's name of one of our keys. */
  readonly keys: (ours: string) => string;
}

function describe(file: CheckpointFile): Described {
  const own = file.facts.metadata["tinyDecoder"];
  if (own !== undefined) return { options: ownOptions(file.path, own), keys: (key) => key };
  const forms = Object.entries(tinyDecoderForms) as [TinyDecoderForm, (typeof tinyDecoderForms)[TinyDecoderForm]][];
  for (const [form, { prefix, first }] of forms) {
    const shape = file.tensors.get(`${prefix}${first}.weight`)?.shape;
    if (shape === undefined) continue;
    // All published ones have the same layers; the number of latent channels (4 or 16) is that of the model they belong to.
    const options = { latentChannels: shape[1] ?? 0 };
    const map = makeKeyMap(tinyDecoderKeyPairs(form, options));
    return { options, keys: (key) => map.toOriginal(key) ?? key };
  }
  throw new FormatError(
    file.path,
    "is no tiny decoder; train one with `kind: tiny-decoder`, or give a TAESD decoder (taesd_decoder.pth, or diffusers' AutoencoderTiny)",
  );
}

function ownOptions(file: string, text: string): TinyDecoderOptions {
  try {
    return tinyDecoderSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new FormatError(file, "its metadata does not describe a tiny decoder", undefined, { cause });
  }
}
