// The resampler, in every recorded variant.
import * as z from "zod";

import { compareTensors } from "../check.js";
import { tensorFile, toleranceOr } from "../fixture-set.js";
import { recordedResampler, resamplerConfigSchema } from "../models/recorded-resampler.js";
import { compute, type CaseKind, type RecordedCase } from "../recorded-case.js";

const manifestSchema = z.looseObject({
  config: z.record(z.string(), resamplerConfigSchema),
  tolerance: toleranceOr(1e-4),
});

/** One case per variant. */
export const resampler: CaseKind = {
  name: "resampler_small",
  cases(manifest) {
    const { config, tolerance } = manifest.read(manifestSchema);
    const file = tensorFile(manifest);
    const variants = Object.entries(config).map(([name, variant]): RecordedCase => ({
      name,
      usesDtype: true,
      run: async (workspace) => {
        const recorded = await workspace.load(file, (tensor) => tensor.startsWith(`${name}.`));
        const model = recordedResampler(workspace, variant, recorded.below(`${name}.w.`), manifest.file);
        return compute(() => {
          const tokens = model.forward(recorded.get(`${name}.in`));
          return [compareTensors(`${name}.out`, tokens, recorded.get(`${name}.out`), tolerance)];
        });
      },
    }));
    return Promise.resolve(variants);
  },
};
