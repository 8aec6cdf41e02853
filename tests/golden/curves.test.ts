// The golden training curves: a few steps of every kind of training, compared loss by loss. A refactoring must not change them; a change of
// the mathematics updates the files (VID2WORLD_UPDATE_GOLDEN=1) and says why in its commit.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { libtorchVersion } from "@vid2world/torch";
import { loadConfig } from "@vid2world/world/config/load";
import { type TrainingConfig, trainingConfigSchema } from "@vid2world/world/training/config";
import { runTraining } from "@vid2world/world/training/run";

const root = path.resolve(import.meta.dirname, "../..");
/** Kernels differ between versions of libtorch and between processors in the last bits; the curves drift apart from there. */
const TOLERANCE_ELSEWHERE = 1e-4;

const debug = (overrides: string[] = []): Promise<TrainingConfig> =>
  loadConfig(path.join(root, "configs/debug.yaml"), trainingConfigSchema, { overrides });

interface Curve {
  readonly name: string;
  /** What the recorded file says of itself. */
  readonly what: string;
  readonly config: () => TrainingConfig | Promise<TrainingConfig>;
}

const curves: readonly Curve[] = [
  { name: "debug-loss", what: "configs/debug.yaml: seed 42, float32, 1 thread", config: () => debug() },
  {
    name: "rollout-loss",
    what: "configs/debug.yaml as the built-in world's last stage is trained: continuations, noise on the frame before, causal norms",
    config: () =>
      debug([
        "loss.levels=continuation",
        "loss.imageNoise=0.2",
        "loss.actionDropout=0.1",
        "diffusion.imageCondition=previous-frame",
        "model.temporalNorm=causal",
        "training.accumulate=2",
        "training.decay=cosine",
        "training.maxSteps=15",
      ]),
  },
  {
    name: "base-loss",
    what: "the debug model as a base: bidirectional, no actions, one noise level per clip",
    config: async () => {
      const world = (await debug(["loss.levels=per-sample", "training.maxSteps=15"])) as TrainingConfig & {
        model: object;
      };
      const { actionDim: _, ...model } = world.model as { actionDim?: number };
      return trainingConfigSchema.parse({ ...world, kind: "base", model: { ...model, causal: false } });
    },
  },
  {
    name: "autoencoder-loss",
    what: "a small autoencoder on invented frames: seed 42, float32, 1 thread",
    config: () =>
      trainingConfigSchema.parse({
        kind: "autoencoder",
        data: { synthetic: { episodes: 2, frames: 20, size: 32 } },
        autoencoder: { ch: 8, channelMultipliers: [1, 2], numResBlocks: 1, normGroups: 2 },
        loss: { kl: 0.001 },
        training: { seed: 42, threads: 1, batchSize: 4, maxSteps: 15, learningRate: 0.003, eps: 1e-5, logEvery: 1 },
      }),
  },
];

test.each(curves)(
  "$name: the recorded losses",
  async ({ name, what, config }) => {
    const file = path.join(import.meta.dirname, `${name}.txt`);
    const here = `libtorch ${libtorchVersion}, ${cpus()[0]?.model ?? "unknown"}`;
    const losses = await train(await config());
    if (process.env["VID2WORLD_UPDATE_GOLDEN"] === "1") {
      const lines = losses.map((loss, i) => `${i + 1} ${loss}`);
      await writeFile(file, [`# ${what}`, `# made with ${here}`, ...lines, ""].join("\n"));
    }
    const lines = (await readFile(file, "utf8")).trim().split("\n");
    const recorded = lines.filter((line) => !line.startsWith("#")).map((line) => Number(line.split(" ")[1]));
    expect(losses).toHaveLength(recorded.length);
    if (lines.includes(`# made with ${here}`)) expect(losses).toEqual(recorded);
    const worst = Math.max(...losses.map((loss, i) => Math.abs(loss - (recorded[i] ?? NaN))));
    expect(worst).toBeLessThanOrEqual(TOLERANCE_ELSEWHERE);
  },
  300_000, // one that is given up goes on, and would take numbers out of the next one's generator
);

/** The loss of every step. */
async function train(config: TrainingConfig): Promise<number[]> {
  const folder = await mkdtemp(path.join(tmpdir(), "golden-"));
  const losses: number[] = [];
  try {
    await runTraining(config, {
      folder,
      onEvent: (event) => event.type === "progress" && losses.push(event.metrics["loss"] as number),
    });
  } finally {
    await rm(folder, { recursive: true });
  }
  return losses;
}
