// The golden training curve: fifty steps of the debug model, compared loss by loss. A refactoring must not change it; a change of the
// mathematics updates the file (VID2WORLD_UPDATE_GOLDEN=1) and says why in its commit.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { libtorchVersion } from "@vid2world/torch";
import { loadConfig } from "@vid2world/world/config/load";
import { trainingConfigSchema } from "@vid2world/world/training/config";
import { runTraining } from "@vid2world/world/training/run";

const root = path.resolve(import.meta.dirname, "../..");
const file = path.join(import.meta.dirname, "debug-loss.txt");
/** Kernels differ between versions of libtorch and between processors in the last bits; the curves drift apart from there. */
const TOLERANCE_ELSEWHERE = 1e-4;

test("fifty steps of the debug model give the recorded losses", async () => {
  const here = `libtorch ${libtorchVersion}, ${cpus()[0]?.model ?? "unknown"}`;
  const losses = await trainDebug();
  if (process.env["VID2WORLD_UPDATE_GOLDEN"] === "1") {
    const lines = losses.map((loss, i) => `${i + 1} ${loss}`);
    await writeFile(
      file,
      [`# configs/debug.yaml: seed 42, float32, 1 thread`, `# made with ${here}`, ...lines, ""].join("\n"),
    );
  }
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  const recorded = lines.filter((line) => !line.startsWith("#")).map((line) => Number(line.split(" ")[1]));
  expect(losses).toHaveLength(50);
  if (lines.includes(`# made with ${here}`)) expect(losses).toEqual(recorded);
  const worst = Math.max(...losses.map((loss, i) => Math.abs(loss - (recorded[i] ?? NaN))));
  expect(worst).toBeLessThanOrEqual(TOLERANCE_ELSEWHERE);
}, 60_000);

async function trainDebug(): Promise<number[]> {
  const config = await loadConfig(path.join(root, "configs/debug.yaml"), trainingConfigSchema);
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
