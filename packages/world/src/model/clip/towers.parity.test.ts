// Both towers against recorded values of the published computation.
import { inferenceMode, type Tensor } from "@vid2world/torch";
import { beforeAll, describe, expect, test } from "vitest";

import { smallTowers, type ClipManifest } from "../testing/clip-fixture.js";
import { hasFixture, manifest, maxError, pick, tensors } from "../testing/fixtures.js";
import { preprocessImages } from "./preprocess.js";

describe.skipIf(!hasFixture("clip_small.json"))("the CLIP towers (skipped without the shared fixtures)", async () => {
  const recorded = hasFixture("clip_small.json") ? manifest<ClipManifest>("clip_small.json") : undefined;
  const map = await tensors(...(recorded?.io ?? []));
  const sizes = [...map.keys()].flatMap((key) => /^in\.image_(.+)$/.exec(key)?.[1] ?? []);
  const tolerance = recorded?.tolerance ?? { text_abs: 0, pre_abs: 0, image_tokens_abs: 0 };
  let towers: Awaited<ReturnType<typeof smallTowers>>;
  beforeAll(async () => void (towers = await smallTowers()));

  const compare = (got: () => Tensor, name: string, limit: number): void =>
    expect(maxError(inferenceMode(got), pick(map, name)), name).toBeLessThanOrEqual(limit);

  test("the text tower's tokens agree, before and after the last block", () => {
    const tokens = pick(map, "in.tokens");
    compare(() => towers.textTower.forward(tokens), "out.text_penultimate", tolerance.text_abs);
    compare(() => towers.textTower.forward(tokens, "last"), "out.text_last", tolerance.text_abs);
    if (map.has("extra.pooled_text")) {
      compare(() => towers.textTower.embed(tokens), "extra.pooled_text", tolerance.image_tokens_abs);
    }
  });

  test.each(sizes)("pictures of %s: the input square, the tokens and the vector agree", (size) => {
    const image = pick(map, `in.image_${size}`);
    const { imageTower } = towers;
    compare(() => preprocessImages(image, imageTower.options.imageSize), `out.pre_${size}`, tolerance.pre_abs);
    compare(() => imageTower.forward(image), `out.tokens_${size}`, tolerance.image_tokens_abs);
    const pooled = `extra.pooled_image_${size}`;
    if (map.has(pooled)) compare(() => imageTower.embed(image), pooled, tolerance.image_tokens_abs);
  });

  test("there are pictures to compare", () => expect(sizes.length).toBeGreaterThan(0));
});
