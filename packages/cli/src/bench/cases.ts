// The configurations that are benchmarked, and the requests that load them.
import path from "node:path";
import { loadConfig } from "@vid2world/world/config/load";
import { trainingConfigSchema, type DenoisingRunConfig } from "@vid2world/world/training/config";
import { invalid } from "@vid2world/formats";
import type { LoadRequest, PrepareRequest } from "./protocol.js";
import { repositoryRoot } from "./repository.js";

interface Case {
  readonly config: string;
  /** Clips at once; that of a training run would take minutes per round for the large ones. */
  readonly batch: number;
  /** Size of the latents: of the padded frames divided by what the autoencoder halves. */
  readonly height: number;
  readonly width: number;
  /** Settings of a run that is soon prepared. */
  readonly quick: readonly string[];
}

const CASES = {
  debug: { config: "configs/debug.yaml", batch: 4, height: 8, width: 8, quick: [] },
  doom: {
    ...{ config: "configs/doom/world.yaml", batch: 2, height: 16, width: 20 },
    quick: [
      ...["data.split=val", "training.batchSize=2"],
      'latents.autoencoder={"untrained":{"ch":16,"channelMultipliers":[1,2,4,8],"numResBlocks":1,"normGroups":2}}',
    ],
  },
} as const satisfies Record<string, Case>;

/** Name of a benchmarked configuration. */
export type CaseName = keyof typeof CASES;
/** All of them. */
export const caseNames = Object.keys(CASES) as readonly CaseName[];

/** A case with its checked configuration. */
export interface OpenCase extends Case {
  readonly name: CaseName;
  readonly run: DenoisingRunConfig;
}

/** Reads the configuration of a case. `batch` replaces the usual number of clips. */
export async function openCase(name: CaseName, batch: number = CASES[name].batch): Promise<OpenCase> {
  const file = path.join(repositoryRoot(), CASES[name].config);
  const run = await loadConfig(file, trainingConfigSchema);
  if (run.kind !== "base" && run.kind !== "world")
    throw invalid(file, "the configuration of a diffusion model", run.kind);
  return { ...CASES[name], name, batch, run };
}

/** A training run of a case that is soon prepared: random weights in the autoencoder, and for doom the held-out split alone. */
export function quickRun(name: CaseName): { readonly config: string; readonly overrides: readonly string[] } {
  const { config, quick } = CASES[name];
  return { config, overrides: quick };
}

/** Where a benchmark keeps what both sides load. */
export interface CaseFiles {
  readonly weights: string;
  readonly inputs: string;
}

/** Asks our side for weights and inputs of a case. */
export function prepareRequest({ run, batch, height, width }: OpenCase, files: CaseFiles): PrepareRequest {
  const { numTimesteps } = run.diffusion;
  return { request: "prepare", model: run.model, numTimesteps, batch, height, width, ...files };
}

/** What may differ between two ways of loading a case. */
export interface LoadChoices {
  readonly threads: number;
  readonly layout: LoadRequest["layout"];
  readonly dtype?: LoadRequest["dtype"];
  /** Both dropout probabilities; left out, those of the configuration. */
  readonly dropout?: number;
}

/** Asks a side to load a case. */
export function loadRequest({ run }: OpenCase, files: CaseFiles, choices: LoadChoices): LoadRequest {
  const { threads, layout, dtype = "float32", dropout } = choices;
  const { learningRate, betas, eps, weightDecay, gradientClip } = run.training;
  const model = dropout === undefined ? run.model : { ...run.model, dropout, temporalConvDropout: dropout };
  const training = { learningRate, betas, eps, weightDecay, gradientClip, threads };
  return { request: "load", model, diffusion: run.diffusion, training, ...files, dtype, layout };
}
