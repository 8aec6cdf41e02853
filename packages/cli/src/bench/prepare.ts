// Makes the weights and inputs that both sides of a benchmark load.
import { type Module, manualSeed, noGrad, rand, randint, randn, saveSafetensors, scope } from "@vid2world/torch";
import { UNet3D } from "@vid2world/world/model/unet/unet";
import type { PrepareRequest } from "./protocol.js";

const SEED = 7;

/** Draws weights of which every branch contributes, and writes them and random inputs. */
export async function prepare({ model, numTimesteps, batch, height, width, ...paths }: PrepareRequest): Promise<void> {
  manualSeed(SEED);
  const unet = new UNet3D(model);
  drawWeights(unet);
  await saveSafetensors(paths.weights, unet.stateDict());
  const { temporalLength: frames, outChannels, actionDim = 1, contextDim, textTokens, imageTokensPerFrame } = model;
  const inputs = scope(() => ({
    latents: randn([batch, frames, outChannels, height, width]),
    noise: randn([batch, frames, outChannels, height, width]),
    levels: randint(0, numTimesteps, [batch, frames], { dtype: "int64" }),
    actions: randn([batch, frames, actionDim]),
    mask: rand([batch, frames]).ge(0.2).to("float32"),
    ...(contextDim !== undefined && { context: randn([batch, textTokens + imageTokensPerFrame * frames, contextDim]) }),
  }));
  await saveSafetensors(paths.inputs, new Map(Object.entries(inputs)));
  // Left to the garbage collector they would vanish in the middle of a measurement.
  for (const tensor of [...unet.parameters(), ...Object.values(inputs)]) tensor.dispose();
}

/**
 * Weights of which every branch contributes: as built, residual branches start at zero and would hide differences. Variance 1 / inputs, so
 * that features keep their size through the layers.
 */
export function drawWeights(module: Module): void {
  noGrad(() => {
    for (const [name, parameter] of module.namedParameters()) {
      const inputs = parameter.shape.slice(1).reduce((product, size) => product * size, 1);
      if (parameter.rank > 1) parameter.normal_({ mean: 0, std: Math.sqrt(1 / inputs) });
      else parameter.normal_({ mean: /norm\d?\.weight$/i.test(name) ? 1 : 0, std: 0.1 });
    }
  });
}
