// A small network that tells from two consecutive frames which action lies between them. Trained on recordings; asked about generated
// frames, it says whether the action can be seen in them.
// Axes: N pairs, T frames, H rows, W columns, C = 3 colours, A action channels, F features.
import {
  AdamW,
  cat,
  clearGrads,
  dropout,
  fromTypedArray,
  Linear,
  manualSeed,
  Module,
  noGrad,
  relu,
  scope,
  type Tensor,
  ones,
  zeros,
} from "@vid2world/torch";
import { permutation } from "../../data/random.js";
import type { PictureSize } from "../../data/transforms.js";
import { pairFeatureCount, pairFeatures } from "./pair-features.js";

const hidden = 96;

/** Features [N F] -> actions [N A], in the units of the network's input. */
export class InverseDynamics extends Module {
  readonly first: Linear;
  readonly second: Linear;
  readonly featureMean: Tensor;
  readonly featureScale: Tensor;
  readonly actionMean: Tensor;
  readonly actionScale: Tensor;

  constructor(actionWidth: number) {
    super();
    this.first = new Linear(pairFeatureCount, hidden);
    this.second = new Linear(hidden, actionWidth);
    this.featureMean = zeros([pairFeatureCount]);
    this.featureScale = ones([pairFeatureCount]);
    this.actionMean = zeros([actionWidth]);
    this.actionScale = ones([actionWidth]);
  }

  /** Features as they come; the result is standardised: mean 0, variance 1 over the training data. */
  forward(features_NF: Tensor): Tensor {
    const x = dropout(features_NF.sub(this.featureMean).div(this.featureScale), 0.3, this.training);
    return this.second.forward(dropout(relu(this.first.forward(x)), 0.3, this.training));
  }

  /** The actions between all consecutive frames of a clip of T*H*W*3 bytes, (T - 1)*A numbers. */
  recover(frames_THWC: Uint8Array, size: PictureSize): Float32Array {
    return noGrad(() =>
      scope(() => {
        const actions = this.forward(clipFeatures(frames_THWC, size)).mul(this.actionScale).add(this.actionMean);
        return actions.toTypedArray() as Float32Array;
      }),
    );
  }
}

/** Pairs whose features are computed together: what fits into the processor's cache. */
const block = 64;

/** Features of consecutive frames t and t + 1 of a clip, for every t of `chosen` (default: all). T*H*W*3 bytes -> [N F]; the caller's. */
export function clipFeatures(
  frames_THWC: Uint8Array,
  { height, width }: PictureSize,
  chosen?: readonly number[],
): Tensor {
  const frames = frames_THWC.length / (height * width * 3);
  const pairs = chosen ?? Array.from({ length: frames - 1 }, (_, t) => t);
  return scope(() => {
    const frames_TCHW = fromTypedArray(frames_THWC, [frames, height, width, 3]).permute([0, 3, 1, 2]);
    const rows = (some: readonly number[], later: number): Tensor =>
      frames_TCHW.indexSelect(
        0,
        fromTypedArray(
          BigInt64Array.from(some, (t) => BigInt(t + later)),
          [some.length],
        ),
      );
    const pieces = Array.from({ length: Math.ceil(pairs.length / block) }, (_, i) => {
      const some = pairs.slice(i * block, (i + 1) * block);
      return scope(() => pairFeatures(rows(some, 0), rows(some, 1)));
    });
    return cat(pieces);
  });
}

/** What {@link trainInverseDynamics} learns from. */
export interface PairTable {
  /** [N F] */
  readonly features_NF: Tensor;
  /** [N A] */
  readonly actions_NA: Tensor;
}

/** Passes over the data; more do not help on held-out clips of the built-in world's recordings. */
const epochs = 12;
const batch = 128;
/** Of little data more passes are made. */
const fewestSteps = 300;

/** Trains the network by the squared error of standardised actions: seconds on one core. The same table gives the same network. */
export function trainInverseDynamics({ features_NF, actions_NA }: PairTable, seed = 0): InverseDynamics {
  const [count] = features_NF.dims("N F");
  const [, actionWidth] = actions_NA.dims("N A");
  manualSeed(seed);
  const network = new InverseDynamics(actionWidth);
  const targets_NA = noGrad(() =>
    scope(() => {
      network.featureMean.copy_(features_NF.mean([0]));
      network.featureScale.copy_(features_NF.std([0]).clamp({ min: 1e-3 }));
      network.actionMean.copy_(actions_NA.mean([0]));
      network.actionScale.copy_(actions_NA.std([0]).clamp({ min: 1e-3 }));
      return actions_NA.sub(network.actionMean).div(network.actionScale);
    }),
  );
  const parameters = network.parameters();
  const optimizer = new AdamW(parameters, { weightDecay: 0.1 });
  const steps = Math.max(fewestSteps, epochs * Math.ceil(count / batch));
  let step = 0;
  for (let epoch = 0; step < steps; epoch++) {
    const order = BigInt64Array.from(permutation(count, seed, epoch), BigInt);
    for (let from = 0; from < count && step < steps; from += batch) {
      const rows = order.slice(from, from + batch);
      scope(() => {
        const index = fromTypedArray(rows, [rows.length]);
        const loss = network
          .forward(features_NF.indexSelect(0, index))
          .sub(targets_NA.indexSelect(0, index))
          .square()
          .mean();
        loss.backward();
        // Down to zero along half a cosine.
        for (const { options } of optimizer.groups)
          options.learningRate = 5e-4 * (1 + Math.cos((Math.PI * step) / steps));
        optimizer.step();
        clearGrads(parameters);
      });
      step++;
    }
  }
  targets_NA.dispose();
  return network.eval().requiresGrad_(false);
}
