// For tests only: the smallest world with actions that remembers, whose frames depend on everything they should.

import { manualSeed, noGrad, randnLike } from "@vid2world/torch";
import { AutoencoderKL } from "../../model/autoencoder/autoencoder.js";
import { tinyAutoencoder, tinyUNet } from "../../model/testing/tiny-options.js";
import { UNet3D } from "../../model/unet/unet.js";
import { type WorldConfigInput, worldSchema } from "../../world-config.js";
import { WorldModel, type WorldParts } from "../../world-model.js";
import type { EngineStart, FullSettings } from "../engine.js";

/** The parts of a tiny world; `sampler` changes its settings. */
export function tinyParts(sampler: WorldConfigInput["sampler"] = {}): WorldParts {
  manualSeed(1);
  const config = worldSchema.parse({
    name: "tiny",
    frame: { width: 14, height: 10, paddedWidth: 16, paddedHeight: 16, fps: 10 },
    contextFrames: 2,
    autoencoder: tinyAutoencoder,
    unet: { ...tinyUNet, temporalLength: 4, temporalNorm: "causal", actionDim: 3 },
    diffusion: { imageCondition: "previous-frame" },
    sampler: { numSteps: 2, historyLevel: 20, guidanceScale: 1, eta: 1, evaluation: "streaming", ...sampler },
    channels: [
      { name: "forward", kind: "continuous", range: [-1, 1], keys: { KeyW: 1 } },
      { name: "weapon", kind: "choice", options: ["none", "gun"] },
    ],
  });
  const unet = new UNet3D(config.unet).eval().requiresGrad_(false);
  const autoencoder = new AutoencoderKL(config.autoencoder).eval().requiresGrad_(false);
  noGrad(() => {
    // Many layers start at zero, which would make every past and every action look the same.
    for (const parameter of unet.parameters()) parameter.add_(randnLike(parameter), { alpha: 0.1 });
  });
  return { config, unet, autoencoder };
}

/** A tiny world. */
export const tinyWorld = (sampler: WorldConfigInput["sampler"] = {}): WorldModel => new WorldModel(tinyParts(sampler));

/** Two frames of nothing in particular. */
export const tinyStart = (seed: number): EngineStart => ({
  frames: Uint8Array.from({ length: 2 * 14 * 10 * 3 }, (_, i) => (i * 7919 + seed * 31) % 251),
  actions: [[0.5, 0]],
  seed,
});

/** The settings of the tiny world. */
export const tinySettings: FullSettings = { guidanceScale: 1, numSteps: 2, decoder: "full" };
