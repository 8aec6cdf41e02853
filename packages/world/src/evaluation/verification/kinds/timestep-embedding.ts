// Sinusoidal embeddings of integer, per-frame and fractional timesteps at every recorded width.
import { readSafetensorsHeader } from "@vid2world/formats";
import * as z from "zod";

import { timestepEmbedding as embed } from "../../../model/unet/timestep-embedding.js";
import { compareTensors } from "../check.js";
import { tensorFile, toleranceOr } from "../fixture-set.js";
import { compute, type CaseKind, type RecordedCase } from "../recorded-case.js";

const manifestSchema = z.looseObject({ tolerance: toleranceOr(2e-4) });

/** Timestep embeddings. Recorded names that start with PORT_ are another program's and are left alone. */
export const timestepEmbedding: CaseKind = {
  name: "timestep_embedding",
  async cases(manifest) {
    const { tolerance } = manifest.read(manifestSchema);
    const file = tensorFile(manifest);
    const { tensors } = await readSafetensorsHeader(file);
    const embeddings = [...tensors.keys()].flatMap((name): RecordedCase[] => {
      const match = /^emb([^_]+)_(\d+)$/.exec(name);
      if (match === null) return [];
      const run: RecordedCase["run"] = async (workspace) => {
        const recorded = await workspace.load(file);
        return compute(() => [
          compareTensors(name, embed(recorded.get(`t${match[1]}`), Number(match[2])), recorded.get(name), tolerance),
        ]);
      };
      return [{ name, usesDtype: false, run }];
    });
    return tensors.has("rep1") ? [...embeddings, repeated(file)] : embeddings;
  },
};

/** The reference's `repeat_only`: the numbers themselves along a new last axis. */
function repeated(file: string): RecordedCase {
  const run: RecordedCase["run"] = async (workspace) => {
    const recorded = await workspace.load(file);
    const expected = recorded.get("rep1");
    return compute(() => {
      const timesteps = recorded.get("tf").unsqueeze(-1);
      return [compareTensors("rep1", timesteps.expand([...expected.shape]), expected, {})];
    });
  };
  return { name: "rep1", usesDtype: false, run };
}
