// `vid2world causality` as it is called: on a configuration with both kinds of statistics, and what is refused.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test, vi } from "vitest";
import { createProgram } from "../program.js";
import { saveTinyWorld } from "../testing/saved-world.js";

const debug = join(resolve(import.meta.dirname, "../../../.."), "configs/debug.yaml");

/** Runs the command and returns what it printed on standard output. */
async function causalityOf(world: string, ...words: string[]): Promise<string> {
  const said = vi.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    const program = await createProgram(["causality"]);
    await program.parseAsync(["causality", world, "--size", "8", ...words], { from: "user" });
    return said.mock.calls.flat().join("\n");
  } finally {
    said.mockRestore();
  }
}

const causality = (...words: string[]): Promise<string> => causalityOf(debug, ...words);

test("a configuration with the published statistics leaks, one with causal statistics does not", async () => {
  expect(await causality()).toMatch(/random weights[^]*normalisation over time[^]*NOT causal/);
  expect(await causality("--set", "model.temporalNorm=causal")).toMatch(/Strictly causal/);
  const report = JSON.parse(await causality("--json")) as { causal: boolean; network: number[][] };
  expect(report.causal).toBe(false);
  expect(report.network).toHaveLength(3);
});

test("random weights say nothing of a deviation", async () => {
  await expect(causality("--deviation")).rejects.toThrow(/--deviation: expected a world or a checkpoint/);
});

test("a world's rollouts start in its recordings, or in random pictures where that is asked for", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vid2world-causality-"));
  const { world, recording } = await saveTinyWorld(folder);
  const compare = ["--deviation", "--frames", "2"];
  const recorded = await causalityOf(world, ...compare);
  expect(recorded).toMatch(/from a recorded clip[^]*new frame +1 +2[^]*streaming, past anew every frame/);
  expect(await causalityOf(world, ...compare, "--recordings", recording)).toBe(recorded);
  expect(await causalityOf(world, ...compare, "--random-start")).toMatch(/from random pictures and actions/);
  await rm(folder, { recursive: true });
});
