// The ablation study's script end to end, on a toy: a recording of a turning panorama, networks of a few channels, two steps each.
import { execFile, type ExecFileException } from "node:child_process";
import { cp, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { writeToyRecording } from "@vid2world/world/evaluation/toy-world";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse, stringify } from "yaml";

const root = resolve(import.meta.dirname, "..");
const configs = join(root, "configs/doom-ablation");
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-ablation-"));
  await writeToyRecording(join(folder, "recording"));
  await cp(configs, join(folder, "configs"), {
    recursive: true,
    filter: (file) => !/world-(masked|shift|extrapolative)/.test(file) || file.endsWith("world-extrapolative-nag.yaml"),
  });
  // Frames of 16x12 with two numbers per action.
  const toy = {
    padded: { paddedHeight: 16, paddedWidth: 16 },
    steps: { maxSteps: 2, warmupSteps: 1, logEvery: 1, precision: "float32" },
  };
  const net = { modelChannels: 16, headChannels: 8, normGroups: 2, temporalLength: 5 };
  await change("autoencoder", {
    data: toy.padded,
    autoencoder: { ch: 8, channelMultipliers: [1, 2] },
    training: toy.steps,
  });
  await change("common", { data: toy.padded, model: net });
  await change("base", { training: toy.steps });
  for (const world of ["world-extrapolative-nag", "world-scratch"])
    await change(world, { model: { actionDim: 2 }, training: toy.steps });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Changes settings of a configuration in the copied folder, one level down. */
async function change(name: string, settings: Record<string, object>): Promise<void> {
  const file = join(folder, "configs", `${name}.yaml`);
  const config = parse(await readFile(file, "utf8")) as Record<string, object>;
  for (const [part, values] of Object.entries(settings)) config[part] = { ...config[part], ...values };
  await writeFile(file, stringify(config));
}

interface Outcome {
  readonly code: number;
  readonly text: string;
}

function study(): Promise<Outcome> {
  const files = ["--configs", "configs", "--recordings", "recording", "--out", "runs", "--results", "a.json"];
  const words = [...files, "--plot", "a.svg"].map((word) => (word.startsWith("--") ? word : join(folder, word)));
  return new Promise((done) => {
    execFile(
      process.execPath,
      [join(root, "scripts/ablation-doom.mjs"), ...words, "--seeds", "1", "--starts", "2", "--priority", "0"],
      (error: ExecFileException | null, stdout, stderr) =>
        done({ code: error === null ? 0 : Number(error.code ?? 1), text: stdout + stderr }),
    );
  });
}

test("one command makes recordings, trains and evaluates every variant, and writes table and plot; a second call skips it all", async () => {
  const first = await study();
  expect(first.text).toMatch(/\| scratch \|/);
  expect(first.code).toBe(0);
  const result = JSON.parse(await readFile(join(folder, "a.json"), "utf8")) as {
    readonly runs: ReadonlyArray<{ variant: string; seed: number; steps: number; metrics: Record<string, number> }>;
  };
  expect(result.runs.map(({ variant, seed, steps }) => [variant, seed, steps])).toEqual([
    ["extrapolative-nag", 1, 2],
    ["scratch", 1, 2],
  ]);
  for (const { metrics } of result.runs) {
    expect(metrics["psnr"]).toBeGreaterThan(3);
    expect(metrics["encoderDistance"]).toBeGreaterThanOrEqual(0);
    expect(metrics["validationLoss"]).toBeGreaterThan(0);
  }
  expect(await readFile(join(folder, "a.svg"), "utf8")).toMatch(/<svg[^]*extrapolative-nag[^]*<\/svg>/);

  const { mtimeMs } = await stat(join(folder, "runs/scratch-1/world/world.json"));
  const second = await study();
  expect(second.text.match(/finished before/g)).toHaveLength(9);
  expect((await stat(join(folder, "runs/scratch-1/world/world.json"))).mtimeMs).toBe(mtimeMs);
}, 300_000);
