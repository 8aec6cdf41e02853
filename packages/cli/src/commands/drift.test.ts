// `vid2world drift` on a tiny world with random weights: the table, the report as JSON, and what is refused.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createProgram } from "../program.js";
import { saveTinyWorld } from "../testing/saved-world.js";

let folder = "";
let saved: Awaited<ReturnType<typeof saveTinyWorld>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-drift-"));
  saved = await saveTinyWorld(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function drift(...words: string[]): Promise<string> {
  const said = vi.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    const program = await createProgram(["drift"]);
    await program.parseAsync(["drift", ...words], { from: "user" });
    return said.mock.calls.flat().join("\n");
  } finally {
    said.mockRestore();
  }
}

test("a world's long rollouts are measured on its own recordings, printed and kept", async () => {
  const json = join(folder, "drift.json");
  const text = await drift(saved.world, "--starts", "2", "--frames", "4", "--json", json);
  expect(text).toMatch(/tiny-recordings: 2 held-out starts, 4 predicted frames each/);
  expect(text).toMatch(/frame +PSNR[^]*real[^]*rollouts that collapse[^]*loop closure: not tried/);
  expect(JSON.parse(await readFile(json, "utf8"))).toMatchObject({ format: "vid2world-drift/1", frames: 4, seed: 0 });
});

test("too few frames, an unknown world and settings of what is no configuration are refused by name", async () => {
  await expect(drift("no-such-world")).rejects.toThrow(/no-such-world/);
  await expect(drift(saved.world, "--set", "sampler.numSteps=1")).rejects.toThrow(/--set: expected nothing/);
  await expect(drift(saved.world, "--recordings", join(folder, "nowhere"))).rejects.toThrow(/nowhere/);
});
