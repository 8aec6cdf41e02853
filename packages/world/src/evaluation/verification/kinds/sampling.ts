// Sampling runs of the published sampler: whole clips and frame by frame, with and without guidance, and the guidance rescale alone.
// Axes: B batch, C channels, T frames, H height, W width.
import { existsSync } from "node:fs";

import { readSafetensorsHeader } from "@vid2world/formats";
import { scope } from "@vid2world/torch";
import * as z from "zod";

import { rescaleGuided } from "../../../diffusion/guidance.js";
import { networkOf } from "../../../world-network.js";
import { compareTensors, mustDiffer, type Check } from "../check.js";
import { optional, tensorFile, toleranceOr, type FixtureSet, type Manifest } from "../fixture-set.js";
import { findUNet, recordedUNet, swapTime } from "../models/published-unet.js";
import {
  actionsOf,
  sampleCase,
  samplerDefaultsSchema,
  samplerOf,
  samplingCaseSchema,
  type SamplingCase,
} from "../models/recorded-sampling.js";
import { recordedSchedule } from "../models/recorded-schedule.js";
import { compute, skipped, type CaseKind, type RecordedCase } from "../recorded-case.js";
import type { RecordedTensors, Workspace } from "../workspace.js";
import { openTrace } from "./sampling-trace.js";

const manifestSchema = z.looseObject({
  sampler: samplerDefaultsSchema.optional(),
  cases: z.record(z.string(), samplingCaseSchema).default({}),
  nan_cases: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]).default([]),
  differences: z.looseObject({ strong_vs_wrong: z.array(z.number()).optional() }).prefault({}),
  trace: optional(z.looseObject({ file: z.string(), case: z.string() })),
  tolerance: toleranceOr(1e-3),
});

type SamplingManifest = z.output<typeof manifestSchema>;

/** The kind whose inputs all of them share. */
const INPUTS = "ddim_small";
const RESCALE_TOLERANCE = { abs: 1e-5 };

/** Sampling runs. */
export const sampling: CaseKind = {
  name: "ddim_small*",
  async cases(manifest, set) {
    const recorded = manifest.read(manifestSchema);
    const unet = findUNet(set);
    const inputs = set.find(INPUTS);
    if (unet === undefined || inputs === undefined) {
      return [skipped("all", `needs ${unet === undefined ? "unet_small" : INPUTS} in the same folder`)];
    }
    const files = [...new Set([tensorFile(inputs), tensorFile(manifest)])];
    const own = [...(await readSafetensorsHeader(tensorFile(manifest))).tensors.keys()];
    const nan = Array.isArray(recorded.nan_cases) ? recorded.nan_cases : Object.keys(recorded.nan_cases);
    const context = { manifest, recorded, set, unet, inputs, files };
    const runs = Object.entries(recorded.cases).map(([name, given]): RecordedCase => {
      if (nan.includes(name)) return skipped(name, "the published sampler returns NaN here");
      // It changes what history frames see and saves nothing: not equal to the published model, and not copied.
      if (given.kv === true) return skipped(name, "the published key-value cache is not exact and is not copied");
      return { name, usesDtype: true, run: (workspace) => runChecks(context, name, given, workspace) };
    });
    return [...runs, ...rescaleCase(tensorFile(manifest), own)];
  },
};

interface Context {
  readonly manifest: Manifest;
  readonly recorded: SamplingManifest;
  readonly set: FixtureSet;
  readonly unet: Manifest;
  readonly inputs: Manifest;
  readonly files: readonly string[];
}

async function runChecks(
  { manifest, recorded, set, unet, inputs, files }: Context,
  name: string,
  given: SamplingCase,
  workspace: Workspace,
): Promise<readonly Check[]> {
  const input = await workspace.load(files);
  const actions = actionsOf(given, input);
  const model = await recordedUNet(workspace, unet, { causal: true, actionDim: input.get(actions).size(2) });
  const defaults = recorded.sampler ?? inputs.read(manifestSchema).sampler ?? samplerDefaultsSchema.parse({});
  const sampler = samplerOf(given, defaults);
  const traced = recorded.trace?.case === name && given.ar ? manifest.find(recorded.trace.file) : undefined;
  const trace = traced === undefined ? undefined : openTrace(await workspace.load(traced), input.get("in.z").size(0));
  const network = networkOf(model);
  const sampled = await sampleCase(given, {
    network: trace?.watch(network) ?? network,
    schedule: recordedSchedule(manifest, set),
    sampler,
    input,
    actions,
    ...(trace && { onStep: trace.onStep }),
  });
  using got = scope(() => swapTime(sampled));
  sampled.dispose();
  const expected = `out.${name}`;
  if (name.startsWith("WRONG_")) {
    const { strong_vs_wrong = [] } = recorded.differences;
    return [mustDiffer(expected, got, input.get(expected), leastDifference(strong_vs_wrong, recorded.tolerance.abs))];
  }
  const doubles = await float64Runs(set, name, workspace);
  return [
    compareTensors(expected, got, input.get(expected), recorded.tolerance),
    ...doubles.map((double) => compareTensors(`out64.${name}`, got, double.get(`out64.${name}`), recorded.tolerance)),
    ...(trace?.checks() ?? []),
  ];
}

/** A wrong result is told from a right one where it is off by half of what it was when it was recorded, or by far more than rounding. */
const leastDifference = (perFrame: readonly number[], tolerance: number): number =>
  perFrame.length > 0 ? Math.max(...perFrame) / 2 : 10 * tolerance;

/** Runs of the same case in float64, which may stand in any of the sampling files. */
async function float64Runs(set: FixtureSet, name: string, workspace: Workspace): Promise<RecordedTensors[]> {
  const files = set.manifests
    .filter(({ kind }) => kind.startsWith(INPUTS))
    .flatMap((other) => other.beside(".safetensors") ?? []);
  const loaded = await Promise.all(
    files.filter(existsSync).map((file) => workspace.load(file, (tensor) => tensor === `out64.${name}`)),
  ); // prettier-ignore
  return loaded.filter(({ names }) => names.length > 0);
}

/** The rescale of guided predictions as such; its share is in the name of what it gave. */
function rescaleCase(file: string, names: readonly string[]): RecordedCase[] {
  const outputs = names.filter((name) => name.startsWith("rescale.out_"));
  if (outputs.length === 0) return [];
  const run: RecordedCase["run"] = async (workspace) => {
    const recorded = await workspace.load(file, (name) => name.startsWith("rescale."));
    return compute(() =>
      outputs.map((name) => {
        const share = Number(name.slice("rescale.out_".length));
        const got = rescaleGuided(recorded.get("rescale.cfg"), recorded.get("rescale.cond"), share);
        return compareTensors(name, got, recorded.get(name), RESCALE_TOLERANCE);
      }),
    );
  };
  return [{ name: "guidance rescale", usesDtype: false, run }];
}
