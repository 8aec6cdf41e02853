// Augmentation against Pillow and torchvision, pixel for pixel, and the ranges of its choices.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { augmentFrames, chooseAugmentation, type AugmentationChoice } from "./augmentation.js";
import { lacks, python, temporaryFolder } from "./testing/oracle.js";

const folder = temporaryFolder();
const none: AugmentationChoice = { top: 2, left: 2, brightness: 1, contrast: 1, saturation: 1, hue: 0 };

/** The published order of operations on byte pictures. */
const ORACLE = `
import json
import torch
from PIL import Image
from torchvision.transforms import functional as F
frames = np.fromfile(folder + "/frames.bin", np.uint8).reshape([int(n) for n in args[0].split("x")])
for k, c in enumerate(json.loads(args[1])):
    made = []
    for frame in frames:
        x = torch.from_numpy(frame).permute(2, 0, 1)
        h, w = x.shape[1:]
        x = F.pad(x.float(), [2] * 4, padding_mode="reflect").byte()[:, c["top"]:c["top"] + h, c["left"]:c["left"] + w]
        p = Image.fromarray(x.permute(1, 2, 0).numpy())
        p = F.adjust_brightness(p, c["brightness"])
        p = F.adjust_contrast(p, c["contrast"])
        p = F.adjust_saturation(p, c["saturation"])
        p = F.adjust_hue(p, c["hue"])
        made.append(np.array(p))
    out[str(k)] = np.stack(made)
`;

async function compare(frames_THWC: Uint8Array, [frames, height, width]: number[], choices: AugmentationChoice[]) {
  writeFileSync(join(folder, "frames.bin"), frames_THWC);
  const size = { height: height as number, width: width as number };
  const wanted = await python(folder, ORACLE, `${frames}x${height}x${width}x3`, JSON.stringify(choices));
  choices.forEach((choice, k) => {
    const made = augmentFrames(frames_THWC, size, choice);
    const differing = Buffer.compare(made, wanted.get(String(k))?.data as Uint8Array);
    expect(differing, JSON.stringify(choice)).toBe(0);
  });
}

test.skipIf(lacks("torch", "torchvision", "PIL"))("every colour is what Pillow makes of it", async () => {
  // Every level of every colour in steps of 3 and the ends, as one picture: 86 x 86 x 86 colours.
  const levels = Array.from({ length: 86 }, (_, i) => i * 3);
  const frame = Uint8Array.from(levels.flatMap((r) => levels.flatMap((g) => levels.flatMap((b) => [r, g, b]))));
  await compare(
    frame,
    [1, 86 * 86, 86],
    [
      none,
      { ...none, hue: 0.05 },
      { ...none, hue: -0.031 },
      { ...none, hue: 0.5 },
      { ...none, saturation: 1.0731 },
      { ...none, saturation: 0.9123 },
      { ...none, contrast: 1.1 },
      { ...none, brightness: 0.913, contrast: 0.95, saturation: 1.02, hue: -0.05 },
      { ...none, brightness: 1.4, contrast: 0.6, saturation: 1.4, hue: -0.5 },
    ],
  );
});

test.skipIf(lacks("torch", "torchvision", "PIL"))("clips of any choice are what the published steps make", async () => {
  let state = 7;
  const draw = { below: (bound: number) => (state = (state * 48271) % 2147483647) % bound };
  const frames = Uint8Array.from({ length: 3 * 21 * 34 * 3 }, () => draw.below(256));
  const choices = Array.from({ length: 12 }, (_, k) => chooseAugmentation(k % 2 ? "strong" : "standard", draw));
  await compare(frames, [3, 21, 34], choices);
});

test("choices cover their ranges, and the same draws give the same choice", () => {
  const ends = [0, 1].map((end) => chooseAugmentation("standard", { below: (bound) => end * (bound - 1) }));
  expect(ends[0]).toMatchObject({ top: 0, left: 0, brightness: 0.9, contrast: 0.9, saturation: 0.9, hue: -0.05 });
  expect(ends[1]).toMatchObject({ top: 4, left: 4, brightness: 1.1, contrast: 1.1, saturation: 1.1, hue: 0.05 });
  expect(chooseAugmentation("strong", { below: () => 0 })).toMatchObject({ brightness: 0.6, hue: -0.5 });
});
