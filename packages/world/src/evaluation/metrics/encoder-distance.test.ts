// The distance in the features of an autoencoder's encoder: what any such distance obeys, on an encoder with random weights.
import { manualSeed } from "@vid2world/torch";
import { beforeAll, expect, test } from "vitest";
import { AutoencoderKL } from "../../model/autoencoder/autoencoder.js";
import { seededRandom } from "../starts.js";
import { encoderDistance } from "./encoder-distance.js";

const picture = { height: 16, width: 24 } as const;
let autoencoder: AutoencoderKL;

beforeAll(() => {
  manualSeed(3);
  autoencoder = new AutoencoderKL({ ch: 8, channelMultipliers: [1, 2], numResBlocks: 1, normGroups: 2 })
    .requiresGrad_(false)
    .eval();
});

/** Clips of 4 frames of noise around a grey level. */
function clips(seed: number, level: number, count = 6): Uint8Array[] {
  const random = seededRandom(seed);
  const size = 4 * picture.height * picture.width * 3;
  return Array.from({ length: count }, () => Uint8Array.from({ length: size }, () => level + 60 * random()));
}

test("is 0 for equal sets in any order, and grows as pictures differ more", () => {
  const truth = clips(1, 60);
  expect(encoderDistance(autoencoder, truth.toReversed(), truth, picture)).toBeCloseTo(0, 6);
  const near = encoderDistance(autoencoder, clips(2, 70), truth, picture);
  const far = encoderDistance(autoencoder, clips(2, 150), truth, picture);
  expect(near).toBeGreaterThan(0);
  expect(far).toBeGreaterThan(near);
});

test("bytes that are no whole pictures are refused", () => {
  const [first] = clips(1, 60, 1) as [Uint8Array];
  expect(() => encoderDistance(autoencoder, [first.subarray(5)], [first], picture)).toThrow(/24x16/);
});
