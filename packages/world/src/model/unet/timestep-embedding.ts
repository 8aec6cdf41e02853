// Sinusoidal embedding of diffusion timesteps (and of frame rates).
import { arange, cat, zeros, type Tensor } from "@vid2world/torch";

const LONGEST_PERIOD = 10_000;

/**
 * Embeds numbers of any shape as `[cos | sin]` of `width / 2` geometrically spaced frequencies, in float32 whatever the input's type:
 * timesteps up to 999 need more than the eight bits of precision that bfloat16 has. An odd width ends with a column of zeros.
 *
 * `[...] -> [..., width]`
 */
export function timestepEmbedding(timesteps: Tensor, width: number): Tensor {
  const half = Math.floor(width / 2);
  const frequencies = arange(0, half, { dtype: "float32", device: timesteps.device })
    .mul(-Math.log(LONGEST_PERIOD) / half)
    .exp();
  const angles = timesteps.to("float32").unsqueeze(-1).mul(frequencies);
  const columns = [angles.cos(), angles.sin()];
  if (width % 2 === 1) columns.push(zeros([...timesteps.shape, 1], { dtype: "float32", device: timesteps.device }));
  return cat(columns, { dim: -1 });
}
