// Whether our network and the plain PyTorch one compute the same: outputs, loss, every gradient, and the weights after one step.
import path from "node:path";
import { loadRequest, type CaseFiles, type OpenCase } from "./cases.js";
import { compareFiles, type Differences } from "./compare.js";
import type { Peer } from "./peer.js";
import type { LoadRequest } from "./protocol.js";

/** One comparison. */
export interface EqualityCheck {
  readonly mode: "eval" | "train";
  readonly dtype: LoadRequest["dtype"];
  /** Probability of dropout; both sides draw the same masks from one seed. */
  readonly dropout: number;
  readonly differences: Differences;
  /** Names of the groups whose difference is more than rounding. */
  readonly unequal: readonly string[];
}

/**
 * Largest relative difference that rounding explains, by group. In float64 the sides do the same arithmetic in the same order almost
 * everywhere. After a step the rounding of tiny gradients shows enlarged: Adam divides each by its own size.
 */
const TOLERANCES: Readonly<Record<LoadRequest["dtype"], Readonly<Record<string, number>>>> = {
  float32: { output: 2e-5, loss: 2e-6, gradient: 5e-5, updated: 2e-3 },
  // The loss is taken in float32 on both sides.
  float64: { output: 1e-6, loss: 1e-6, gradient: 1e-6, updated: 1e-6 },
};

/** All comparisons, in this order. */
export const CHECKS = [
  { mode: "eval", dtype: "float32", dropout: 0 },
  { mode: "train", dtype: "float32", dropout: 0 },
  { mode: "train", dtype: "float32", dropout: 0.1 },
  { mode: "train", dtype: "float64", dropout: 0.1 },
] as const;

const SEED = 3;

/** Runs comparisons of a case, all unless told otherwise. */
export async function compareSides(
  sides: { readonly ours: Peer; readonly theirs: Peer },
  opened: OpenCase,
  files: CaseFiles,
  threads: number,
  wanted: readonly (typeof CHECKS)[number][] = CHECKS,
): Promise<EqualityCheck[]> {
  const folder = path.dirname(files.weights);
  const checks: EqualityCheck[] = [];
  for (const check of wanted) {
    const { mode, dtype, dropout } = check;
    const write = async (peer: Peer, layout: LoadRequest["layout"], name: string): Promise<string> => {
      const file = path.join(folder, name);
      await peer.ask(loadRequest(opened, files, { threads, layout, dtype, dropout }));
      await peer.ask({ request: "outputs", mode, seed: SEED, path: file });
      return file;
    };
    const differences = await compareFiles(
      await write(sides.ours, opened.run.model.memoryFormat, "ours.safetensors"),
      await write(sides.theirs, "contiguous", "theirs.safetensors"),
    );
    checks.push({ ...check, differences, unequal: unequalGroups(differences, dtype) });
  }
  return checks;
}

function unequalGroups(differences: Differences, dtype: LoadRequest["dtype"]): string[] {
  const allowed = TOLERANCES[dtype];
  return Object.keys(allowed).filter((group) => !((differences[group]?.relative ?? Infinity) <= (allowed[group] ?? 0)));
}
