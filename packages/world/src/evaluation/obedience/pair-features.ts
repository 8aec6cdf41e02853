// What two consecutive frames tell about the action between them: how well each piece of the earlier one is found again in the later one,
// displaced by so much, and what has changed. The matching is computed, not learnt: that is why a small network on top learns in seconds.
// Axes: N pairs, C colours, H rows, W columns, G pieces of the picture, F features.
import { adaptiveAvgPool2d, avgPool2d, cat, noGrad, onesLike, scope, type Tensor } from "@vid2world/torch";

/** Size at which pieces are matched: finer across, where cameras turn fastest. */
const [matchHeight, matchWidth] = [24, 64];
/** Largest displacement looked for, in pixels of that size: a turn of 45 degrees moves a picture of 90 degrees by half its width. */
const [reachY, reachX] = [1, 40];
/** Pieces of the picture that are matched on their own. */
const [piecesY, piecesX] = [2, 2];
/** Size at which the frames themselves are seen: for what does not move (a flash, a gripper that closes). */
const [seenHeight, seenWidth] = [9, 12];

/** F, the number of features of a pair. */
export const pairFeatureCount =
  (2 * reachY + 1) * (2 * reachX + 1) * piecesY * piecesX + 2 * 3 * seenHeight * seenWidth;

/** Features of N pairs: two stacks of frames [N 3 H W], uint8 or 0..255 -> [N F] float32. */
export function pairFeatures(before_NCHW: Tensor, after_NCHW: Tensor): Tensor {
  return noGrad(() =>
    scope(() => {
      const seen = (frames: Tensor): Tensor => adaptiveAvgPool2d(frames, [seenHeight, seenWidth]);
      const [before, after] = [before_NCHW.to("float32").div(255), after_NCHW.to("float32").div(255)];
      const change = seen(after).sub(seen(before));
      return cat(
        [
          matches(normalised(before), normalised(after)),
          seen(after).flatten({ startDim: 1 }),
          change.flatten({ startDim: 1 }),
        ],
        {
          dim: 1,
        },
      );
    }),
  );
}

/** Grey pictures at matching size with local mean 0 and contrast 1, so that neither light nor blur decides. -> [N 1 h w] */
function normalised(frames_NCHW: Tensor): Tensor {
  const grey = adaptiveAvgPool2d(frames_NCHW.mean([1], { keepdim: true }), [matchHeight, matchWidth]);
  const local = (x: Tensor): Tensor => avgPool2d(x, 9, { stride: 1, padding: 4, countIncludePad: false });
  const centred = grey.sub(local(grey));
  return centred.div(local(centred.square()).add(1e-4).sqrt());
}

/** Correlation of both pictures by displacement and piece, over what overlaps. -> [N displacements*G] */
function matches(before: Tensor, after: Tensor): Tensor {
  const reach = [reachX, reachX, reachY, reachY];
  const [padded, there] = [after.pad(reach), onesLike(after.narrow(0, 0, 1)).pad(reach)];
  const pooled = (x: Tensor): Tensor => adaptiveAvgPool2d(x, [piecesY, piecesX]).flatten({ startDim: 1 });
  const [power, energy] = [before.square(), padded.square()];
  const at = (dy: number, dx: number): Tensor => {
    const moved = (x: Tensor): Tensor => x.narrow(2, dy, matchHeight).narrow(3, dx, matchWidth);
    return pooled(before.mul(moved(padded))).div(
      pooled(power.mul(moved(there)))
        .mul(pooled(moved(energy)))
        .add(1e-2)
        .sqrt(),
    );
  };
  const displacements = Array.from({ length: 2 * reachY + 1 }, (_, dy) =>
    Array.from({ length: 2 * reachX + 1 }, (__, dx) => scope(() => at(dy, dx))),
  );
  return cat(displacements.flat(), { dim: 1 });
}
