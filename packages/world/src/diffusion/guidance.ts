// Classifier-free guidance as a wrapper around a network: samplers never know about it. It acts on the network's own output, because
// the rescale compares standard deviations of that output.
// Axes: B batch, T frames, C channels, H height, W width.

import { invalid } from "@vid2world/formats";
import { type Tensor, cat, onesLike } from "@vid2world/torch";
import type { Conditioning, Network } from "./denoiser.js";

/** How strongly and how to guide. */
export interface GuidanceOptions {
  /** s in u + s (c - u); the 1 + lambda of arXiv:2505.14357. 1 means no guidance. */
  readonly scale: number;
  /** Share of the rescaled result, 0 none; see `rescaleGuided`. */
  readonly rescale?: number;
  /** Both branches in one call of twice the batch; default true. */
  readonly batched?: boolean;
}

/** Makes the unconditional from the conditional conditioning of a window of `frames` frames. */
export type Unconditional = (conditioning: Conditioning, batch: number, frames: number) => Conditioning;

/** The guided network: u + s (c - u), rescaled. With scale 1 the network itself. */
export function guide(network: Network, unconditional: Unconditional, options: GuidanceOptions): Network {
  const { scale, rescale = 0, batched = true } = options;
  if (scale === 1) return network;
  const both = batched ? inOneCall : inTwoCalls;
  return (x_BTCHW, levels_BT, conditioning) => {
    const [batch, frames] = x_BTCHW.dims("B T C H W");
    const without = unconditional(conditioning, batch, frames);
    const { conditional, plain } = both(network, x_BTCHW, levels_BT, conditioning, without);
    const guided = plain.add(conditional.sub(plain), { alpha: scale });
    return rescale > 0 ? rescaleGuided(guided, conditional, rescale) : guided;
  };
}

/**
 * Sets the standard deviation of a guided prediction back to the conditional one's and mixes the two by `share`
 * (arXiv:2305.08891 eq. 15-16). The deviation is taken over everything but the batch: in a rollout that includes the history.
 */
export function rescaleGuided(guided_BTCHW: Tensor, conditional_BTCHW: Tensor, share: number): Tensor {
  const axes = [1, 2, 3, 4];
  const wanted = conditional_BTCHW.std(axes, { keepdim: true });
  // The floor only matters for a constant prediction, whose deviation is 0.
  const factor = wanted.div(guided_BTCHW.std(axes, { keepdim: true }).clamp({ min: 1e-12 }));
  return guided_BTCHW.mul(factor.mul(share).add(1 - share));
}

interface Branches {
  readonly conditional: Tensor;
  readonly plain: Tensor;
}

function inTwoCalls(
  network: Network,
  x: Tensor,
  levels: Tensor,
  conditioning: Conditioning,
  without: Conditioning,
): Branches {
  return { conditional: network(x, levels, conditioning), plain: network(x, levels, without) };
}

function inOneCall(
  network: Network,
  x: Tensor,
  levels: Tensor,
  conditioning: Conditioning,
  without: Conditioning,
): Branches {
  const output = network(cat([x, x]), cat([levels, levels]), joined(conditioning, without));
  const batch = x.size(0);
  return { conditional: output.narrow(0, 0, batch), plain: output.narrow(0, batch, batch) };
}

/** Both conditionings along the batch. A mask that only one branch has is all ones in the other. */
function joined(first: Conditioning, second: Conditioning): Conditioning {
  const context = pair("context", first.context, second.context);
  const concat_BTCHW = pair("concat_BTCHW", first.concat_BTCHW, second.concat_BTCHW);
  const actions_BTA = pair("actions_BTA", first.actions_BTA, second.actions_BTA);
  const fps_B = pair("fps_B", first.fps_B, second.fps_B);
  const mask = first.actionMask_BT ?? second.actionMask_BT;
  const kept = mask && onesLike(mask);
  const actionMask_BT = pair("actionMask_BT", first.actionMask_BT ?? kept, second.actionMask_BT ?? kept);
  return {
    ...(context && { context }),
    ...(concat_BTCHW && { concat_BTCHW }),
    ...(actions_BTA && { actions_BTA }),
    ...(actionMask_BT && { actionMask_BT }),
    ...(fps_B && { fps_B }),
  };
}

function pair(name: string, first: Tensor | undefined, second: Tensor | undefined): Tensor | undefined {
  if (first && second) return cat([first, second]);
  if (first || second)
    throw invalid(
      `conditioning.${name}`,
      "present in both guidance branches or in none",
      first ? "conditional only" : "unconditional only",
    );
  return undefined;
}
