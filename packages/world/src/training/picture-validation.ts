// Held-out frames above what an autoencoder makes of them, as one picture for each validation: whether it blurs is seen sooner than measured.
// Axes: N frames, H height, W width, C colour channels.
import { access } from "node:fs/promises";
import path from "node:path";
import { writeImage } from "@vid2world/formats";
import { cat, noGrad, scope } from "@vid2world/torch";
import type { Tensor } from "@vid2world/torch";
import type { PictureSize } from "../data/transforms.js";
import { type FrameTable, validationFrames } from "./frame-table.js";
import type { ToPixels } from "./pixels.js";
import type { LongValidation } from "./validator.js";

/** What pictures are made of. */
export interface PictureValidationOptions {
  /** The run's folder: pictures go to `validation/step-N/` in it. */
  readonly folder: string;
  /** Steps between two; absent: only at the end. */
  readonly every: number | undefined;
  readonly frames: FrameTable;
  /** Size of the frames without their padding. */
  readonly frame: PictureSize;
  readonly toPixels: ToPixels;
  /** The rows below the frames: of these pixels in [-1, 1], what each network makes of them, both float32 [N 3 H W]. */
  readonly rows: (pixels_NCHW: Tensor) => readonly Tensor[];
}

const SHOWN_FRAMES = 8;
const NAME = "reconstructions";

/** Validations that leave a picture: the same frames every time, side by side, with a row below them for each network. */
export function pictureValidation(options: PictureValidationOptions): LongValidation {
  const { folder, every = Infinity, frames, frame, toPixels, rows } = options;
  const fileOf = (step: number): string =>
    path.join("validation", `step-${String(step).padStart(8, "0")}`, `${NAME}.png`);
  return {
    every,
    async run(step) {
      const { data_HWC, height, width } = noGrad(() =>
        scope(() => {
          const pixels_NCHW = toPixels(validationFrames(frames, Math.min(SHOWN_FRAMES, frames.frames_NHWC.size(0))));
          return sheet([pixels_NCHW, ...rows(pixels_NCHW)], frame);
        }),
      );
      const file = fileOf(step);
      await writeImage(path.join(folder, file), { data_HWC, height, width });
      return { metrics: {}, samples: [{ name: NAME, file, height, width, fps: 1, frames_THWC: data_HWC }] };
    },
    isDone: (step) =>
      access(path.join(folder, fileOf(step))).then(
        () => true,
        () => false,
      ),
  };
}

/** Each row's frames side by side, the rows below each other, as bytes. */
function sheet(rows: readonly Tensor[], { height, width }: PictureSize) {
  const strips = rows.map((pixels_NCHW) => {
    const shown_NCHW = pixels_NCHW.float().narrow(2, 0, height).narrow(3, 0, width);
    return shown_NCHW.permute([2, 0, 3, 1]).reshape([height, -1, 3]);
  });
  const sheet_HWC = cat(strips).add(1).mul(127.5).round().clamp({ min: 0, max: 255 }).to("uint8").contiguous();
  const [rowsHigh, columns] = sheet_HWC.dims("H W C");
  return { data_HWC: sheet_HWC.toBytes(), height: rowsHigh, width: columns };
}
