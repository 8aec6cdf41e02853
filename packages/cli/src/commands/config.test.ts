// What `vid2world config import` prints, writes and answers with.
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baseSample, RT1_TRAINING, worldSample } from "@vid2world/world/config/published/testing/sample";
import { loadConfig } from "@vid2world/world";
import { trainingConfigSchema } from "@vid2world/world/training/config";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { configCommand } from "./config.js";

let folder: string;
let printed: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "config-import-"));
  await writeFile(join(folder, "rt1.yaml"), worldSample({ data: RT1_TRAINING, maxSteps: 100_000 }));
  await writeFile(join(folder, "base.yaml"), baseSample());
  printed = [];
  vi.spyOn(console, "error").mockImplementation((text: string) => void printed.push(text));
  process.exitCode = undefined;
});

afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  await rm(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);
const run = (...args: string[]): Promise<unknown> => configCommand().parseAsync(["import", ...args], { from: "user" });
const load = (name: string): Promise<unknown> => loadConfig(at(name), trainingConfigSchema);

test("a complete import is a configuration that training takes, with changes on top", async () => {
  await run(
    at("rt1.yaml"),
    "--checkpoint",
    "weights:dynamicrafter-512",
    "--data",
    "/data",
    "--out",
    at("out.yaml"),
    "--set",
    "training.batchSize=4",
  );
  expect(process.exitCode).toBeUndefined();
  expect(await load("out.yaml")).toMatchObject({
    data: { domain: "rt1", folder: "/data" },
    training: { batchSize: 4 },
  });
  expect(await readFile(at("out.yaml"), "utf8")).toContain("# model.params.df_loss");
});

test("open placeholders end with code 2 and nothing written, and are filled by name", async () => {
  await run(at("rt1.yaml"), "--out", at("out.yaml"));
  expect(process.exitCode).toBe(2);
  expect(printed.join()).toMatch(
    /rt1\.yaml:2 {2}model\.pretrained_checkpoint: fill in \|<your_checkpoint_path>\| with --fill/,
  );
  await expect(stat(at("out.yaml"))).rejects.toThrow("ENOENT");
  process.exitCode = undefined;
  await run(
    at("rt1.yaml"),
    "--fill",
    "your_checkpoint_path=a.ckpt",
    "--fill",
    "your_data_dir=/d",
    "--out",
    at("out.yaml"),
  );
  expect(await load("out.yaml")).toMatchObject({ initialise: { from: "a.ckpt" } });
});

test("unknown settings end with code 2; --lenient goes on, and says in the file what it left out", async () => {
  const text = await readFile(at("rt1.yaml"), "utf8");
  await writeFile(at("odd.yaml"), text.replace("uncond_prob:", "uncond_chance:"));
  const places = ["--checkpoint", "a.ckpt", "--data", "/d", "--out", at("out.yaml")];
  await run(at("odd.yaml"), ...places);
  expect([process.exitCode, printed.join()]).toEqual([2, expect.stringContaining("model.params.uncond_chance")]);
  process.exitCode = undefined;
  await run(at("odd.yaml"), ...places, "--lenient");
  expect(process.exitCode).toBeUndefined();
  expect(await readFile(at("out.yaml"), "utf8")).toContain("# Not taken over: model.params.uncond_chance");
});

test("the base model's file asks for data, and takes it by --set; --report names every setting's fate", async () => {
  await expect(run(at("base.yaml"))).rejects.toThrow("set data.domain and data.folder");
  await run(
    at("base.yaml"),
    "--report",
    "--set",
    "data.domain=stills",
    "--set",
    "data.folder=p",
    "--out",
    at("out.yaml"),
  );
  expect(await load("out.yaml")).toMatchObject({ kind: "base", data: { domain: "stills" } });
  expect(printed.join("\n")).toMatch(/Taken over \(\d+\).*Without effect here \(\d+\).*Not in the file/s);
  await expect(run(at("base.yaml"), "--checkpoint", "x")).rejects.toThrow("no placeholder there");
});
