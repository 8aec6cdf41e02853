// The image autoencoder with a Gaussian latent. The factor that scales latents for diffusion is the world model's, not applied here.
import { Conv2d, Module, randn, scope, type Generator, type Tensor } from "@vid2world/torch";

import { Decoder } from "./decoder.js";
import { Encoder } from "./encoder.js";
import { autoencoderSchema, type AutoencoderOptions, type ResolvedAutoencoderOptions } from "./options.js";

/** A Gaussian over the latents of each image, `[N E h w]` each. */
export interface Posterior {
  readonly mean_NCHW: Tensor;
  /** Clamped to [-30, 20]. */
  readonly logVariance_NCHW: Tensor;
}

/** Splits the encoder's output `[N 2E h w]` into a Gaussian. */
export function posteriorOf(moments_NCHW: Tensor): Posterior {
  const [mean_NCHW, logVariance] = moments_NCHW.chunk(2, { dim: 1 }) as [Tensor, Tensor];
  return { mean_NCHW, logVariance_NCHW: logVariance.clamp({ min: -30, max: 20 }) };
}

/** The posterior's standard deviation, `[N E h w]`. */
export function posteriorStd({ logVariance_NCHW }: Posterior): Tensor {
  return logVariance_NCHW.mul(0.5).exp();
}

/** `mean + std * noise`, with the given standard normal noise or with noise drawn here. */
export function samplePosterior(posterior: Posterior, noise: Tensor | { readonly generator?: Generator } = {}): Tensor {
  return scope(() => {
    const { mean_NCHW } = posterior;
    const drawn_NCHW =
      "shape" in noise ? noise : randn(mean_NCHW.shape, { ...noise, dtype: mean_NCHW.dtype }).to(mean_NCHW.device);
    return mean_NCHW.add(posteriorStd(posterior).mul(drawn_NCHW));
  });
}

/** Kullback-Leibler divergence from the standard normal, one number per image: `[N]`. */
export function posteriorDivergence({ mean_NCHW, logVariance_NCHW }: Posterior): Tensor {
  return scope(() =>
    mean_NCHW.square().add(logVariance_NCHW.exp()).sub(1).sub(logVariance_NCHW).sum([1, 2, 3]).mul(0.5),
  );
}

/** Encodes images in [-1, 1] to latents of 1/f their size, f = 2^(levels - 1), and decodes latents to images. */
export class AutoencoderKL extends Module {
  readonly encoder: Encoder;
  readonly decoder: Decoder;
  /** 1x1 convolution after the encoder. */
  readonly quantConv: Conv2d;
  /** 1x1 convolution before the decoder. */
  readonly postQuantConv: Conv2d;
  readonly #options: ResolvedAutoencoderOptions;

  constructor(options: AutoencoderOptions = {}) {
    super();
    const resolved = autoencoderSchema.parse(options);
    this.#options = resolved;
    this.encoder = new Encoder(resolved);
    this.decoder = new Decoder(resolved);
    this.quantConv = new Conv2d(2 * resolved.zChannels, 2 * resolved.embedDim, 1);
    this.postQuantConv = new Conv2d(resolved.embedDim, resolved.zChannels, 1);
  }

  /** The options with every default filled in. */
  get options(): ResolvedAutoencoderOptions {
    return this.#options;
  }

  /** How many pixels along each axis make one latent. */
  get downscale(): number {
    return 2 ** (this.#options.channelMultipliers.length - 1);
  }

  /** Mean and log variance as one tensor: `[N 3 H W] -> [N 2E H/f W/f]`. */
  moments(x_NCHW: Tensor): Tensor {
    return scope(() => this.quantConv.forward(this.encoder.forward(this.#arrange(x_NCHW))));
  }

  /** One vector per image, the mean over its places of the encoder's last feature maps: `[N 3 H W] -> [N C]`. */
  features(x_NCHW: Tensor): Tensor {
    return scope(() => this.encoder.features(this.#arrange(x_NCHW)).mean([2, 3]));
  }

  /** The Gaussian over the latents of images `[N 3 H W]`. */
  encode(x_NCHW: Tensor): Posterior {
    return posteriorOf(this.moments(x_NCHW));
  }

  /** `[N E h w] -> [N 3 H W]`, in [-1, 1] but not clamped. */
  decode(z_NCHW: Tensor): Tensor {
    return scope(() => this.decoder.forward(this.postQuantConv.forward(this.#arrange(z_NCHW))));
  }

  #arrange(x_NCHW: Tensor): Tensor {
    const typed = x_NCHW.to(this.quantConv.weight.dtype);
    return this.#options.memoryFormat === "channelsLast" ? typed.contiguous({ memoryFormat: "channels_last" }) : typed;
  }
}
