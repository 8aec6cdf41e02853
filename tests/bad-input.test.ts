// What users get for bad input: an error that names the thing, the place and the way out, an exit code, and nothing half-written.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createProgram } from "@vid2world/cli/program";
import { reportError } from "@vid2world/cli/report-error";
import { FormatError, InvalidArgumentError, readVideo } from "@vid2world/formats";
import {
  CheckpointMismatchError,
  conv2d,
  type Device,
  DisposedTensorError,
  Linear,
  liveTensors,
  loadSafetensors,
  ones,
  scope,
  ShapeError,
  TorchError,
  zeros,
} from "@vid2world/torch";
import { loadWorld } from "@vid2world/world";
import { toyChannels, toySize, writeToyRecording } from "@vid2world/world/evaluation/toy-world";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { saveDebugWorld } from "./debug-world.js";
import { root } from "./imports.js";

let folder = "";
const at = (...names: string[]): string => join(folder, ...names);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vid2world-bad-"));
  await writeToyRecording(at("recording"));
  const options = { name: "toy", frame: toySize, channels: toyChannels, recordings: "../recording" };
  await saveDebugWorld(at("world"), options);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A copy of the good world or recording, with something done to it. */
async function spoiled(source: "world" | "recording", spoil: (path: string) => unknown): Promise<string> {
  const path = await mkdtemp(at(`${source}-`));
  await cp(at(source), path, { recursive: true });
  await spoil(path);
  return path;
}

const edit = async (file: string, change: (text: string) => string): Promise<void> =>
  writeFile(file, change(await readFile(file, "utf8")));

/** Runs the command line in this process, as main.ts does: what it says on standard error, and its exit code. */
async function cli(...words: string[]): Promise<{ code: number; text: string }> {
  const lines: string[] = [];
  const error = vi.spyOn(console, "error").mockImplementation((line: unknown) => void lines.push(String(line)));
  const write = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    await (await createProgram(words)).parseAsync(words, { from: "user" });
    return { code: 0, text: lines.join("\n") };
  } catch (caught) {
    const code = reportError(caught, { verbose: false });
    return { code, text: lines.join("\n") };
  } finally {
    error.mockRestore();
    write.mockRestore();
  }
}

/** The message is for users: no stack, no "fault inside vid2world". */
function expectExplained({ code, text }: { code: number; text: string }, ...parts: (string | RegExp)[]): void {
  expect(code).toBeGreaterThan(0);
  expect(text).toMatch(/^error: /);
  expect(text).not.toMatch(/a fault inside|\n {4}at /);
  for (const part of parts) expect(text).toMatch(part);
}

describe("tensors", () => {
  const caught = (body: () => unknown): Error => {
    try {
      scope(() => void body());
    } catch (error) {
      return error as Error;
    }
    throw new Error("nothing was thrown");
  };

  test("wrong shapes: operator, shapes, dtypes and devices, and the line of the caller", () => {
    const error = caught(() => ones([2, 3]).matmul(ones([4, 5])));
    expect(error).toBeInstanceOf(TorchError);
    expect(error.message).toMatch(/^matmul: /);
    expect(error.message).toContain("Tensor[2, 3] float32 cpu");
    expect(error.message).toContain("Tensor[4, 5] float32 cpu");
    expect(error.stack).toContain("bad-input.test.ts");
    expect(() => scope(() => void ones([2, 3]).dims("B T C"))).toThrow(ShapeError);
  });

  test("wrong dtypes", () => {
    const error = caught(() => conv2d(ones([1, 1, 4, 4]), ones([1, 1, 3, 3], { dtype: "float64" })));
    expect(error).toBeInstanceOf(TorchError);
    expect(error.message).toMatch(/^conv2d: [^]*float32 cpu[^]*float64 cpu/);
  });

  test("devices that are unknown, or not here, in one line that says what is", () => {
    expect(caught(() => zeros([1], { device: "gpu" as Device }))).toBeInstanceOf(InvalidArgumentError);
    const absent = caught(() => ones([1]).to("cuda:99"));
    expect(absent).toBeInstanceOf(TorchError);
    expect(absent.message).toMatch(/^device: "cuda:99" is not here, libtorch [\d.]+ sees .*; use .*doctor$/);
  });

  test("a disposed tensor, wherever it is given", () => {
    const freed = ones([2]);
    freed.dispose();
    const uses = [
      () => freed.add(1),
      () => ones([2]).add(freed),
      () => freed.shape,
      () => void (ones([2]).requiresGrad_().grad = freed),
      () => ones([2]).requiresGrad_().mul(2).backward({ gradient: freed }),
    ];
    for (const use of uses) expect(caught(use)).toBeInstanceOf(DisposedTensorError);
    expect(caught(uses[1] as () => unknown).message).toMatch(/"other" was freed.*keep\(\)/);
  });

  test("a state that does not fit: all names up to a dozen of each kind, the rest counted", () => {
    const error = caught(() => new Linear(2, 3).loadStateDict(new Map([["weight", ones([2, 2])]])));
    expect(error).toBeInstanceOf(CheckpointMismatchError);
    expect(error.message).toMatch(/missing.*bias[^]*weight is \[2, 2\], expected \[3, 2\]/);
    const many = new Map(Array.from({ length: 40 }, (_, i) => [`strange.${i}`, zeros([1])]));
    const long = caught(() => new Linear(2, 3, { bias: false }).loadStateDict(many)) as CheckpointMismatchError;
    expect(long.message).toMatch(/unexpected\(40\): .*and 28 more/);
    expect(long.facts.unexpected).toHaveLength(40);
  });
});

describe("configurations", () => {
  const train = (...words: string[]) => cli("train", join(root, "configs/debug.yaml"), "--out", at("run"), ...words);

  test("an unknown key, and the one that was meant", async () => {
    expectExplained(await train("--set", "training.batchsize=2"), "training.batchsize", 'did you mean "batchSize"');
    await writeFile(at("typo.yaml"), "kind: world\ntraning:\n  batchSize: 1\n");
    expectExplained(await cli("train", at("typo.yaml")), "typo.yaml", /2:1 +traning +unknown key/);
  });

  test("a file that is not there", async () => {
    expectExplained(await cli("train", at("nope.yaml")), "nope.yaml", "cannot be read");
  });

  test("inputs that are missing or do not fit: refused before anything is written", async () => {
    expectExplained(await train("--set", "latents.autoencoder=/nope"), /\/nope: missing; train one with/);
    expectExplained(await train("--set", `latents.autoencoder=${at("world")}`), "does not describe an autoencoder");
    expectExplained(await train("--set", "initialise.from=/nope"), /\/nope\/world\.json: missing/);
    expectExplained(await train("--set", "training.device=cuda:99"), '"cuda:99" is not here');
    expectExplained(await train("--set", "model.actionDim=5"), "model.actionDim: expected 2");
    expect(existsSync(at("run"))).toBe(false);
  });

  test("a folder with another run in it, and a resume with another model", async () => {
    expect((await train("--max-steps", "1")).code).toBe(0);
    expectExplained(await train("--max-steps", "1"), "--resume", "another folder");
    const config = await readFile(at("run", "config.yaml"), "utf8");
    const wider = ["--resume", "--max-steps", "2", "--set", "model.modelChannels=24"];
    const key = "model.modelChannels";
    expectExplained(await train(...wider), `${key}: 16 before, 24 now`, `--allow-change ${key}`);
    const allowed = await train(...wider, "--allow-change", key);
    expectExplained(allowed, "step-00000001.safetensors: model: ", "expected", "configuration in the run's folder");
    expect(config).toContain("modelChannels: 16");
  });
});

describe("weights", () => {
  /** Through the library and through the command line; the demo's folder must not appear. */
  async function bothRefuse(world: string, ...parts: (string | RegExp)[]): Promise<void> {
    const before = liveTensors();
    const error: unknown = await loadWorld(world).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(FormatError);
    for (const part of parts) expect((error as Error).message).toMatch(part);
    expect(liveTensors() - before).toBeLessThan(1000); // the module's own parameters, left to the garbage collector
    expectExplained(await cli("demo", "--world", world, "--out", at("demo")), ...parts);
    expect(existsSync(at("demo"))).toBe(false);
  }

  test("no such world", () => bothRefuse("nope", /^(error: )?nope: no such world.*vid2world train/));

  test("a missing file", async () => {
    const world = await spoiled("world", (path) => rm(join(path, "unet.safetensors")));
    await bothRefuse(world, join(world, "unet.safetensors: missing"), "copy it there or train");
  });

  test("foreign weights", async () => {
    const world = await spoiled("world", (path) =>
      cp(join(path, "autoencoder.safetensors"), join(path, "unet.safetensors")),
    );
    await bothRefuse(
      world,
      "unet.safetensors: the file does not fit UNet3D",
      /unexpected\(\d+\)/,
      "another world.json",
    );
  });

  test("a truncated safetensors file, at any length", async () => {
    const size = (await readFile(at("world", "unet.safetensors"))).length;
    for (const length of [0, 5, 300, Math.floor(size / 2), size - 1]) {
      const world = await spoiled("world", (path) => truncate(join(path, "unet.safetensors"), length));
      await expect(loadSafetensors(join(world, "unet.safetensors"))).rejects.toThrow(FormatError);
      if (length === size - 1) await bothRefuse(world, "unet.safetensors", /at byte \d+|truncated|ends/);
    }
  });

  test("a description with an unknown key, and one cut short", async () => {
    const file = "world.json";
    const typo = await spoiled("world", (path) =>
      edit(join(path, file), (text) => text.replace('"contextFrames"', '"contextframes"')),
    );
    await bothRefuse(typo, file, 'contextframes: unknown key; did you mean "contextFrames"');
    const unfit = await spoiled("world", (path) =>
      edit(join(path, file), (text) => text.replace('"outChannels": 4', '"outChannels": 8')),
    );
    await bothRefuse(unfit, /unet\.outChannels: expected autoencoder\.embedDim \(4\), got 8$/);
    const cut = await spoiled("world", (path) => truncate(join(path, file), 200));
    await bothRefuse(cut, file, "not readable as JSON");
  });
});

describe("recordings", () => {
  async function trainRefuses(recording: string, ...parts: (string | RegExp)[]): Promise<void> {
    await writeFile(
      at("ae.yaml"),
      "kind: autoencoder\nautoencoder: { ch: 8, channelMultipliers: [1, 1], numResBlocks: 1, normGroups: 4 }\n" +
        `data: { recordings: ${JSON.stringify(recording)} }\ntraining: { batchSize: 1, maxSteps: 1, learningRate: 0.001, threads: 1 }\n`,
    );
    const out = await mkdtemp(at("out-"));
    expectExplained(await cli("train", at("ae.yaml"), "--out", out), ...parts);
    expect(readdirSync(out).filter((name) => name.endsWith(".safetensors") || name.endsWith(".tmp"))).toEqual([]);
  }

  test("no recording there", async () => {
    await mkdir(at("empty"));
    await trainRefuses(at("empty"), "actions.json: missing", "docs/recordings.md");
  });

  test("a truncated video", async () => {
    const recording = await spoiled("recording", (path) => truncate(join(path, "a.mp4"), 1500));
    await expect(readVideo(join(recording, "a.mp4"))).rejects.toThrow(FormatError);
    await trainRefuses(recording, join(recording, "a.mp4"));
  });

  test("an action file of another length than its video: both are named, with both lengths", async () => {
    const shorten = (text: string): string => {
      const clip = JSON.parse(text) as { frames: number; actions: number[][] };
      return JSON.stringify({ ...clip, frames: 37, actions: clip.actions.slice(0, 37) });
    };
    const recording = await spoiled("recording", (path) => edit(join(path, "a.actions.json"), shorten));
    await trainRefuses(recording, /a\.mp4: holds 40 frames .*a\.actions\.json announces 37/);
  });

  test("an action file whose rows are not as many as it says, and one with an unknown key", async () => {
    const rows = await spoiled("recording", (path) =>
      edit(join(path, "a.actions.json"), (text) => text.replace(/"frames": *40/, '"frames": 41')),
    );
    await trainRefuses(rows, /a\.actions\.json: frames: 41 announced, but actions has 40 rows/);
    const key = await spoiled("recording", (path) =>
      edit(join(path, "a.actions.json"), (text) => text.replace('"split"', '"splitt"')),
    );
    await trainRefuses(key, 'splitt: unknown key; did you mean "split"');
  });

  test("a start of the wrong size, and actions that the world does not have", async () => {
    const world = await loadWorld(at("world"));
    const frame = new Uint8Array(toySize.width * toySize.height * 3);
    expect(() => world.step()).toThrow(/call reset/);
    expect(() => world.reset({ frames: frame.subarray(1) })).toThrow(/frames: expected .*32x24 RGB frames/);
    world.reset({ frames: frame });
    expect(() => world.step({ jump: 1 })).toThrow(/channels of this world \(forward, turn\).*"jump"/);
    world.dispose();
  });
});

describe("libtorch", () => {
  const native = join(root, "packages/torch/native");
  /** The build's own search and the build, with LIBTORCH set to a folder. */
  function build(libtorch: string) {
    const target = at("native-build");
    const env = { ...process.env, LIBTORCH: libtorch, VID2WORLD_BUILD: target };
    const result = spawnSync(process.execPath, [join(native, "build.mjs")], { env, encoding: "utf8" });
    return { ...result, target };
  }

  test("none where LIBTORCH points", async () => {
    const { status, stderr, target } = build(at("nowhere"));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^libtorch: none found .*\n  LIBTORCH=.*nowhere: no headers/);
    expect(stderr).toContain("apt-get install libtorch-dev");
    expect(stderr).toContain("scripts/fetch-libtorch.sh");
    expect(stderr).not.toContain("    at ");
    expect(existsSync(target)).toBe(false);

    vi.stubEnv("LIBTORCH", at("nowhere"));
    try {
      const url = pathToFileURL(join(native, "find-libtorch.mjs")).href;
      const { findLibtorch } = (await import(url)) as { findLibtorch: () => unknown };
      expect(() => findLibtorch()).toThrow(/none found/);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test("too old: says which is there and which is needed", async () => {
    const include = at("old", "include");
    await mkdir(join(include, "ATen"), { recursive: true });
    await mkdir(join(include, "torch/csrc/api/include/torch"), { recursive: true });
    await mkdir(at("old", "lib"), { recursive: true });
    await writeFile(join(include, "ATen/ATen.h"), "");
    await writeFile(at("old", "lib/libtorch_cpu.so"), "");
    const version = "#define TORCH_VERSION_MAJOR 1\n#define TORCH_VERSION_MINOR 10\n#define TORCH_VERSION_PATCH 2\n";
    await writeFile(join(include, "torch/csrc/api/include/torch/version.h"), version);
    const { status, stderr } = build(at("old"));
    expect(status).toBe(1);
    expect(stderr).toContain("libtorch 1.10.2 is too old, 1.13 or newer is needed");
  });

  test("an addon that does not load", () => {
    const main = join(root, "packages/cli/dist/src/main.js");
    const env = { ...process.env, VID2WORLD_NATIVE: at("nope.node") };
    const result = spawnSync(process.execPath, [main, "train", "x.yaml"], { env, encoding: "utf8" });
    expectExplained({ code: result.status ?? 0, text: result.stderr }, "nope.node cannot be loaded", "build:native");
  });
});
