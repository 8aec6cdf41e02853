// `vid2world causality` as it is called: on a configuration with both kinds of statistics, and what is refused.
import { join, resolve } from "node:path";
import { expect, test, vi } from "vitest";
import { createProgram } from "../program.js";

const debug = join(resolve(import.meta.dirname, "../../../.."), "configs/debug.yaml");

/** Runs the command and returns what it printed on standard output. */
async function causality(...words: string[]): Promise<string> {
  const said = vi.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    const program = await createProgram(["causality"]);
    await program.parseAsync(["causality", debug, "--size", "8", ...words], { from: "user" });
    return said.mock.calls.flat().join("\n");
  } finally {
    said.mockRestore();
  }
}

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
