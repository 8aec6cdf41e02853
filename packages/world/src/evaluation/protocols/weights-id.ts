// A short name for the weights of a world, so that rollouts of a model that was trained on are not taken for complete.
import { createHash } from "node:crypto";
import { scope } from "@vid2world/torch";
import type { WorldModel } from "../../world-model.js";

/** Numbers of each tensor that are looked at: training changes all of them. */
const looked = 4;

/** Twelve hexadecimal digits that change with the weights of U-Net and autoencoder, and with their type in memory. */
export function weightsId({ parts: { unet, autoencoder } }: Pick<WorldModel, "parts">): string {
  const hash = createHash("sha256");
  for (const network of [unet, autoencoder])
    for (const [name, parameter] of network.namedParameters()) {
      const count = Math.min(looked, parameter.numel);
      using some = scope(() => parameter.detach().flatten().narrow(0, 0, count).float().to("cpu").contiguous());
      hash.update(`${name} ${parameter.shape.join("x")} `).update(some.toTypedArray() as Float32Array);
    }
  return hash.digest("hex").slice(0, 12);
}
