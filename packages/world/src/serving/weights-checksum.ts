// Tells worlds apart: a checksum over everything that decides on the frames that a world draws.

import { createHash } from "node:crypto";
import { type Module, scope } from "@vid2world/torch";
import { chosenSettings } from "../config/chosen-settings.js";
import { samplerSchema } from "../diffusion/samplers/sampler-config.js";
import { worldSchema } from "../world-config.js";
import type { WorldModel } from "../world-model.js";

/** sha256 in hex over a world's description, sampler and weights as they are in memory. Reads every weight once. */
export function worldChecksum({ config, sampler, parts }: WorldModel): string {
  const hash = createHash("sha256");
  // Where its recordings lie and what is said of it change no frame; nor does a setting that a later version has, at its default.
  const described = chosenSettings(worldSchema, { ...config, recordings: undefined, description: undefined });
  hash.update(JSON.stringify([described, chosenSettings(samplerSchema, sampler)]));
  const modules: (Module | undefined)[] = [parts.unet, parts.autoencoder, parts.tinyDecoder];
  for (const module of modules)
    for (const [name, tensor] of module?.stateDict() ?? []) {
      hash.update(`\n${name} ${tensor.dtype} ${tensor.shape.join(" ")}\n`);
      hash.update(scope(() => tensor.detach().toBytes()));
    }
  return hash.digest("hex");
}
