// The autoencoder: moments, samples and decoded images, and what some of its modules return on the way.
// Axes: N images, C channels, H height, W width.
import type { Tensor } from "@vid2world/torch";
import * as z from "zod";

import { posteriorStd, samplePosterior, type AutoencoderKL } from "../../../model/autoencoder/autoencoder.js";
import { autoencoderKeyMap } from "../../../model/key-maps/autoencoder.js";
import { compareRecorded, compareTensors, type Check, type Tolerance } from "../check.js";
import { toleranceOr } from "../fixture-set.js";
import { autoencoderWeightsSchema, recordedAutoencoder } from "../models/recorded-autoencoder.js";
import { moduleAt, watchOutput } from "../models/original-modules.js";
import { compute, type CaseKind, type RecordedCase } from "../recorded-case.js";
import type { RecordedTensors } from "../workspace.js";

const manifestSchema = autoencoderWeightsSchema.extend({
  io: z.string(),
  tolerance: toleranceOr(2e-4),
});

/** What the published model multiplies latents with for diffusion. */
const SCALE_FACTOR = 0.18215;

/** Encoding, decoding, and the trace of both. */
export const autoencoder: CaseKind = {
  name: "vae_small",
  cases(manifest) {
    const { io, tolerance } = manifest.read(manifestSchema);
    const over = (
      name: string,
      check: (model: AutoencoderKL, recorded: RecordedTensors, tolerance: Tolerance) => Check[],
    ): RecordedCase => ({
      name,
      usesDtype: true,
      run: async (workspace) => {
        const model = await recordedAutoencoder(workspace, manifest);
        const recorded = await workspace.load(manifest.path(io));
        return compute(() => check(model, recorded, tolerance));
      },
    });
    return Promise.resolve([over("encode", encodeChecks), over("decode", decodeChecks), over("trace", traceChecks)]);
  },
};

function encodeChecks(model: AutoencoderKL, recorded: RecordedTensors, tolerance: Tolerance): Check[] {
  const x_NCHW = recorded.get("in.x");
  const posterior = model.encode(x_NCHW);
  const sample = (): Tensor => samplePosterior(posterior, recorded.get("in.noise"));
  return [
    ...compareRecorded(recorded, "out.moments", () => model.moments(x_NCHW), tolerance),
    ...compareRecorded(recorded, "out.mean", () => posterior.mean_NCHW, tolerance),
    ...compareRecorded(recorded, "out.logvar", () => posterior.logVariance_NCHW, tolerance),
    ...compareRecorded(recorded, "out.std", () => posteriorStd(posterior), tolerance),
    ...compareRecorded(recorded, "out.sample", sample, tolerance),
    ...compareRecorded(recorded, "out.scaled_latent", () => sample().mul(SCALE_FACTOR), tolerance),
  ];
}

/** Decodes what was recorded, not what was encoded here: an error of the encoder shows in its own case. */
function decodeChecks(model: AutoencoderKL, recorded: RecordedTensors, tolerance: Tolerance): Check[] {
  const sources = { "out.decode_sample": "out.sample", "out.decode_mode": "out.mean", "out.decode_z2": "in.z2" };
  return Object.entries(sources).flatMap(([name, source]) =>
    compareRecorded(recorded, name, () => model.decode(recorded.get(source)), tolerance),
  );
}

/** Features of the first image: of the encoder while it encodes, of the decoder while it decodes the mean. */
function traceChecks(model: AutoencoderKL, recorded: RecordedTensors, tolerance: Tolerance): Check[] {
  const map = autoencoderKeyMap(model.options);
  const expected = recorded.below("trace.");
  const seen = new Map<string, Tensor>();
  for (const name of expected.keys()) {
    const module = moduleAt(model, map, name);
    if (module !== undefined) watchOutput(module, (y_NCHW) => seen.set(name, y_NCHW));
  }
  model.encode(recorded.get("in.x"));
  model.decode(recorded.get("out.mean"));
  return [...expected].flatMap(([name, features]) => {
    const got = seen.get(name);
    return got === undefined ? [] : [compareTensors(`trace.${name}`, got.narrow(0, 0, 1), features, tolerance)];
  });
}
