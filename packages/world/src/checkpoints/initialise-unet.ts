// First weights of a U-Net that is about to be trained, out of a checkpoint: those of a bidirectional model, made causal, or of a world
// model with the same actions. Tensors pass through one at a time.
import { FormatError } from "@vid2world/formats";

import { isCausalKernel, transferWeight, type TransferOptions } from "../model/causalize.js";
import type { UNet3D } from "../model/unet/unet.js";
import { fillModule } from "./fill-module.js";
import { closeSources, findPart, openSources, requireMatch, shapesOf } from "./load-part.js";
import { matchPart } from "./match-part.js";
import { requireVariant } from "./variant.js";

/**
 * Copies the weights of a checkpoint's U-Net into `unet`; `transfer` is not used for weights that are causal already. An action encoder that the checkpoint does not have keeps its own weights; one
 * of another width is refused, as is everything else that differs.
 */
export async function initialiseUNet(unet: UNet3D, path: string, transfer: TransferOptions = {}): Promise<void> {
  const sources = await openSources([path]);
  try {
    const { file, found } = findPart("unet", sources);
    const { options } = unet;
    const fromCausal = found.unknown.includes("causal") ? options.causal : (found.options.causal ?? true);
    if (fromCausal && !options.causal)
      throw new FormatError(
        path,
        "its U-Net is causal, the configured one is not; a causal model cannot be made bidirectional again",
      );
    const { actionDim, actionEncoder, ...rest } = options;
    const hasActions = found.options.actionDim !== undefined;
    const source = {
      ...rest,
      causal: fromCausal,
      ...(hasActions && actionDim !== undefined && { actionDim, actionEncoder }),
    };
    // A shorter or longer window is a matter of training: the weights do not depend on it.
    const { temporalLength: _, ...facts } = file.facts;
    const window = { ...found, unknown: [...found.unknown, "temporalLength"] };
    requireVariant(path, window, facts, source, { wantedBy: "the configured model" });
    const match = requireMatch(file, found, matchPart("unet", source, found, shapesOf(file)));
    const becomesCausal = options.causal && !fromCausal;
    await fillModule(unet, file, match.keys, {
      ...(becomesCausal && {
        transform: (key, value) => (isCausalKernel(key) ? transferWeight(value, transfer) : value),
      }),
    });
  } finally {
    await closeSources(sources);
  }
}
