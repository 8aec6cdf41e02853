// `vid2world model-card` on the folder of a run with a tiny world of random weights: the page, and the same as JSON.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { modelCardCommand } from "./model-card.js";
import { saveTinyWorld } from "../testing/saved-world.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-card-"));
  vi.stubEnv("HOME", folder); // where references of recordings are kept
  await saveTinyWorld(folder);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

test("the page holds scores, obedience, drift, clips, and checksums of weights and recordings", async () => {
  const said = vi.spyOn(console, "log").mockImplementation(() => undefined);
  const [html, json] = [join(folder, "card.html"), join(folder, "card.json")];
  const small = ["--starts", "2", "--frames", "3", "--drift-frames", "4", "--steps", "2"];
  // A run's folder: its world lies in `world` inside.
  await modelCardCommand().parseAsync(["node", "x", folder, ...small, "--html", html, "--json", json]);
  expect(said.mock.calls.flat().join("\n")).toMatch(/card\.html: 2 starts of tiny-recordings/);
  said.mockRestore();
  const page = await readFile(html, "utf8");
  expect(page).toMatch(/How near to[^]*Does it do as it is told[^]*Where does it break[^]*Made with/);
  expect(page).toMatch(/SHA-256 of unet\.safetensors[^]*[0-9a-f]{64}/);
  expect(page).toMatch(/denoising steps<\/th><td>2</);
  const report = JSON.parse(await readFile(json, "utf8")) as object;
  expect(report).toMatchObject({ report: { steps: 2, predictedFrames: 3 }, drift: { frames: 4 }, obedience: {} });
});

test("an unknown world is named", async () => {
  await expect(modelCardCommand().parseAsync(["node", "x", "no-such-world"])).rejects.toThrow(/no-such-world/);
});

test("a configuration is built with its settings: another world's are refused, and data that are no recordings ask for some", async () => {
  const card = (...args: string[]) => modelCardCommand().parseAsync(["node", "x", ...args]);
  await expect(card("doom", "--set", "seed=1")).rejects.toThrow(/--set: expected nothing/);
  const debug = new URL("../../../../configs/debug.yaml", import.meta.url).pathname;
  await expect(card(debug)).rejects.toThrow(
    /--recordings: expected a folder of recordings, as .*debug\.yaml is trained/,
  );
});
