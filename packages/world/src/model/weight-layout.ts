// The layout of convolution weights in memory, for evaluation.
import { Conv2d, type Module, noGrad, scope } from "@vid2world/torch";

/**
 * Lays the weights of two-dimensional convolutions out channels last, as the features are. Their values stay what they are; libtorch's kernels
 * otherwise copy every weight into that order in every call, which for a single small frame takes as long as the convolution itself.
 * Weights that are being trained are left alone: optimisers work on gradients of the same layout.
 */
export function layOutWeights(module: Module): void {
  noGrad(() =>
    scope(() => {
      for (const layer of module.namedModules().values()) {
        if (!(layer instanceof Conv2d) || layer.weight.requiresGrad) continue;
        const { weight } = layer;
        const [, channels, height, width] = weight.dims("O C H W");
        if (height * width === 1 || channels === 1 || weight.strides[1] === 1) continue;
        weight.setData_(weight.clone({ memoryFormat: "channels_last" }));
      }
    }),
  );
}
