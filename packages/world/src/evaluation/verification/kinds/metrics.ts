// The published evaluation's metrics: PSNR, SSIM and its parts, Frechet distance, and the resize before feature networks.
// Axes: N images, C colours, H height, W width.
import { scope, type Tensor } from "@vid2world/torch";
import * as z from "zod";

import { resizeBilinear } from "../../../data/resize.js";
import { frechetDistance } from "../../metrics/frechet.js";
import { psnr } from "../../metrics/psnr.js";
import { gaussianWindow, ssim, ssimPerColour } from "../../metrics/ssim.js";
import { compareNumbers, compareRecorded, compareTensors, refuted, type Check } from "../check.js";
import { tensorFile } from "../fixture-set.js";
import { compute, type CaseKind, type RecordedCase } from "../recorded-case.js";
import type { RecordedTensors } from "../workspace.js";

const manifestSchema = z.looseObject({
  frechet: z.record(z.string(), z.looseObject({ eigen_exact: z.number() })).default({}),
  summary: z
    .looseObject({ mse: z.number().optional(), psnr: z.number().optional(), ssim: z.number().optional() })
    .default({}),
  tolerance: z
    .looseObject({
      psnr_abs: z.number().default(1e-3),
      ssim_abs: z.number().default(1e-5),
      frechet_rel: z.number().default(1e-4),
    })
    .prefault({}),
});

type MetricsManifest = z.output<typeof manifestSchema>;

const MSE_TOLERANCE = { abs: 1e-6, rel: 1e-5 };
const WINDOW_TOLERANCE = { abs: 1e-7 };
const RESIZE_TOLERANCE = { abs: 1e-5 };

/** Scores of images, distances of feature sets, and the resize. */
export const metrics: CaseKind = {
  name: "metrics",
  cases(manifest) {
    const parsed = manifest.read(manifestSchema);
    const file = tensorFile(manifest);
    const over = (name: string, check: (recorded: RecordedTensors) => Check[]): RecordedCase => ({
      name,
      usesDtype: false,
      run: async (workspace) => {
        const recorded = await workspace.load(file);
        return compute(() => check(recorded));
      },
    });
    const distances = Object.entries(parsed.frechet).map(([name, { eigen_exact }]) =>
      over(`frechet ${name}`, (recorded) => {
        const got = frechetDistance(recorded.get(`frechet.${name}.a`), recorded.get(`frechet.${name}.b`));
        return [compareNumbers(`frechet.${name}`, [got], [eigen_exact], { rel: parsed.tolerance.frechet_rel })];
      }),
    );
    return Promise.resolve([
      over("image scores", (recorded) => imageChecks(recorded, parsed)),
      ...distances,
      over("resize", resizeChecks),
    ]);
  },
};

function imageChecks(recorded: RecordedTensors, { tolerance, summary }: MetricsManifest): Check[] {
  const [prediction, truth] = [recorded.find("in.pred"), recorded.find("in.gt")];
  if (prediction === undefined || truth === undefined) return [];
  const unit = (x: Tensor): Tensor => x.add(1).div(2);
  const [x_NCHW, y_NCHW] = [unit(prediction), unit(truth)];
  const colours = ssimPerColour(x_NCHW, y_NCHW);
  const [byPsnr, bySsim] = [{ abs: tolerance.psnr_abs }, { abs: tolerance.ssim_abs }];
  // The squared error is that of the data itself, in [-1, 1].
  const mse_N = prediction.to("float64").sub(truth.to("float64")).square().mean([1, 2, 3]);
  const scores = { mse: mse_N, psnr: psnr(x_NCHW, y_NCHW), ssim: ssim(x_NCHW, y_NCHW) };
  const tolerances = { mse: MSE_TOLERANCE, psnr: byPsnr, ssim: bySsim };
  return [
    ...compareRecorded(recorded, "out.mse_per_image", () => scores.mse, MSE_TOLERANCE),
    ...compareRecorded(recorded, "out.psnr", () => scores.psnr, byPsnr),
    ...compareRecorded(recorded, "out.ssim", () => scores.ssim, bySsim),
    ...compareRecorded(recorded, "out.ssim_per_channel", () => colours.ssim_BC, bySsim),
    ...compareRecorded(recorded, "out.cs_per_channel", () => colours.contrast_BC, bySsim),
    ...[recorded.find("out.gauss_kernel_11")?.toNumbers()].flatMap((expected) =>
      expected === undefined
        ? []
        : [compareNumbers("out.gauss_kernel_11", gaussianWindow(), expected, WINDOW_TOLERANCE)],
    ),
    ...(["mse", "psnr", "ssim"] as const).flatMap((name) => {
      const expected = summary[name];
      const mean = scope(() => scores[name].mean().item());
      return expected === undefined ? [] : [compareNumbers(`summary.${name}`, [mean], [expected], tolerances[name])];
    }),
  ];
}

function resizeChecks(recorded: RecordedTensors): Check[] {
  const x_NCHW = recorded.find("resize.in");
  if (x_NCHW === undefined) return [];
  return [...recorded.below("resize.out_")].map(([size, expected]) => {
    const match = /^(\d+)x(\d+)$/.exec(size);
    if (match === null) return refuted(`resize.out_${size}`, "expected a name out_<height>x<width>");
    const got = resizeBilinear(x_NCHW, { height: Number(match[1]), width: Number(match[2]) });
    return compareTensors(`resize.out_${size}`, got, expected, RESIZE_TOLERANCE);
  });
}
