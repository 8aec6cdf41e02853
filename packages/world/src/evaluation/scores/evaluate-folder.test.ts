// Folders of rollouts are scored: real pairs give the recorded numbers, the protocols average as they say, and bad input is named.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { writeVideo } from "@vid2world/formats";
import { writeNpz } from "@vid2world/formats/npy/npz";
import { liveTensors, type Tensor } from "@vid2world/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { average } from "../metrics/average.js";
import { lpipsTrunks } from "../metrics/lpips.js";
import { inceptionTensors } from "../networks/inception.js";
import { layerTensors } from "../networks/layers.js";
import { writeCounted } from "../networks/testing/counted-weights.js";
import { emptyBlock, rawFrames } from "../protocols/frame-block.js";
import { evaluateFolder, openNetworks } from "./evaluate-folder.js";
import { scoreCsv, scoreText } from "./score-text.js";
import { publishedBatches, summarise } from "./summary.js";
import { height, moving, width, writePair } from "./testing/toy-pairs.js";

const shared = process.env["VID2WORLD_SHARED"] ?? path.resolve(import.meta.dirname, "../../../../../../shared");
const clips = path.join(shared, "data/clips");
let root: string;
beforeAll(async () => void (root = await mkdtemp(path.join(tmpdir(), "scores-"))));
afterAll(() => rm(root, { recursive: true }));

describe.skipIf(!existsSync(clips))("the published model's own clips (skipped without the shared data)", () => {
  test.each(["rt1", "csgo"] as const)("%s: MSE, PSNR and SSIM are those that piqa gave", async (environment) => {
    const expected = JSON.parse(await readFile(path.join(clips, "expected.json"), "utf8")) as Record<
      string,
      Record<string, number>
    >;
    const metrics = ["mse", "psnr", "ssim"] as const;
    const report = await evaluateFolder(path.join(clips, environment), { environment, n: 3, metrics });
    for (const { name, parts } of report.scores.clips) {
      const recorded = expected[`${environment}/${name}`];
      const of = (metric: (typeof metrics)[number]): number => average(parts[0]?.[metric] ?? []);
      expect(Math.abs(of("mse") - (recorded?.["mse"] ?? NaN)), name).toBeLessThan(1e-6);
      expect(Math.abs(of("psnr") - (recorded?.["psnr"] ?? NaN)), name).toBeLessThan(1e-4);
      expect(Math.abs(of("ssim") - (recorded?.["ssim"] ?? NaN)), name).toBeLessThan(1e-5);
    }
  });

  test("the wrong number of clips is named with what the protocol wants and the way out", async () => {
    await expect(evaluateFolder(path.join(clips, "rt1"), { environment: "rt1" })).rejects.toThrow(
      /1024.*--n 3.*3 in the folder/s,
    );
  });
});

test("the published script's batches: one more at first, the rest at the end, all counting alike", () => {
  const sizes = publishedBatches(Array.from({ length: 1024 }), 64).map(({ length }) => length);
  expect([sizes[0], sizes[1], sizes.at(-1), sizes.length]).toEqual([65, 64, 63, 16]);
  const scores = [[1], [1], [1], [5]]; // batches of 2: three clips, then one
  const summary = summarise(scores, 2);
  expect(summary).toMatchObject({ value: 2, published: 3 });
  // Its interval is its own: the last clip's weight is a half, not a quarter.
  expect(summary.publishedInterval.high).toBeGreaterThan(summary.high);
});

test("metrics with networks: equal clips score 0, worse clips score worse, again gives the same bits, without weights says why", async () => {
  const folder = path.join(root, "networks");
  for (const [name, noise] of [
    ["a", 0],
    ["b", 0.4],
    ["c", 0.8],
  ] as const)
    await writePair(folder, name, noise, 1);
  const weights = path.join(root, "weights");
  const place = async (file: string, shapes: ReadonlyMap<string, readonly number[]>): Promise<void> => {
    await mkdir(path.dirname(path.join(weights, file)), { recursive: true });
    await writeCounted(path.join(weights, file), shapes);
  };
  await place("torchvision/vgg16-397923af.pth", layerTensors(lpipsTrunks.vgg.layers, 3).shapes);
  const heads = lpipsTrunks.vgg.widths.map(
    (channels, tap) => [`lin${tap}.model.1.weight`, [1, channels, 1, 1]] as const,
  );
  await place("lpips/v0.1/vgg.pth", new Map(heads));
  await place("inception/pt_inception-2015-12-05-6726825d.pth", inceptionTensors.shapes);
  const before = liveTensors();
  const options = { environment: "own", weightsRoot: weights } as const;
  const report = await evaluateFolder(folder, options);
  expect(liveTensors()).toBeLessThanOrEqual(before);
  using networks = await openNetworks({ ...options, metrics: ["mse", "lpips", "fid"] });
  const again = await evaluateFolder(folder, { ...options, networks, n: 2 });
  expect(again.scores.clips).toEqual(report.scores.clips.slice(0, 2));
  const lpips = report.scores.clips.map(({ parts }) => average(parts[0]?.lpips ?? []));
  expect(lpips[0]).toBe(0);
  expect(lpips[1]).toBeGreaterThan(0);
  expect(lpips[2]).toBeGreaterThan(lpips[1] ?? NaN);
  expect(report.scores.parts[0]?.fid?.value).toBeGreaterThan(0);
  expect(report.missing.fvd).toMatch(/vid2world weights pull i3d/);
  expect(Object.keys(report.checksums)).toHaveLength(3);
  expect(report.warnings.join()).toMatch(/3 vectors of 2048 features: too few/);
  // Made-up weights fit the network, but are not those that published numbers are of.
  expect(report.warnings.join()).toMatch(
    /vgg16-397923af\.pth is not the published vgg16: its SHA-256 is [0-9a-f]{64}, not 3979/,
  );
  const text = scoreText(report);
  expect(text).toMatch(/LPIPS ↓.*to/);
  expect(text).toMatch(/DreamSim: not computed: .*weights pull dino-vitb16/);
  expect(text).toMatch(/SHA-256 of the networks' files:\n[0-9a-f]{64} {2}.*vgg16-397923af\.pth/);
  expect(scoreCsv(report).split("\n")[1]).toMatch(/^a,,0,mse,0$/);
}, 240_000);

test("lossless frames count where they were kept, and the videos' numbers stand beside them", async () => {
  const folder = path.join(root, "lossless");
  for (const name of ["a", "b"]) await writePair(folder, name, 0.5);
  const block = emptyBlock(3, height, width);
  block.values.fill(0.25);
  const raw = new Map(
    Object.entries({ gt: rawFrames(block), pred: rawFrames({ ...block, values: block.values.map((v) => v + 0.5) }) }),
  );
  await writeNpz(path.join(folder, "a/raw_data.npz"), raw);
  const report = await evaluateFolder(folder, { environment: "own", metrics: ["mse"] });
  expect(report.scores.source).toBe("mixed");
  expect(average(report.scores.clips[0]?.parts[0]?.mse ?? [])).toBeCloseTo(0.25, 6);
  expect(report.fromVideos?.source).toBe("video");
  expect(scoreText(report)).toMatch(/published script/);
  expect(report.warnings).toContain("a: the true clip is one colour throughout");
  const published = await evaluateFolder(folder, { environment: "own", metrics: ["mse"], protocol: "published" });
  expect(published.fromVideos).toBeUndefined();
  expect(published.scores.parts[0]?.pictures.mse?.published).toBe(report.fromVideos?.parts[0]?.pictures.mse?.published);
});

test("raw frames that overshoot are clamped, as the published evaluation clamps what it scores", async () => {
  const folder = path.join(root, "overshooting");
  await writePair(folder, "a", 0.5, 1);
  const raw = (value: number) => ({ dtype: "float32", shape: [3, 1, height, width], data: new Float32Array(3 * height * width).fill(value) }) as const; // prettier-ignore
  await writeNpz(path.join(folder, "a/raw_data.npz"), new Map(Object.entries({ gt: raw(1), pred: raw(1.5) })));
  const report = await evaluateFolder(folder, { environment: "own", metrics: ["mse"] });
  expect(report.scores.parts[0]?.pictures.mse?.value).toBe(0);
  expect(scoreText(report)).toMatch(/own clips: 1 clip [^]*one clip only: no intervals/);
});

test("FVD of clips that are too short for its network is not computed, and says which clip", async () => {
  const folder = path.join(root, "short");
  await writePair(folder, "a", 0.5, 2);
  await writePair(folder, "b", 0.5, 1);
  const dispose = (): void => undefined;
  const features = (x_BTCHW: Tensor): Tensor => x_BTCHW.mean([1, 2, 3, 4]).unsqueeze(1);
  const fvd = { name: "I3D", width: 1, minimumFrames: 2, features, dispose, [Symbol.dispose]: dispose };
  const networks = { fvd, missing: {}, checksums: {}, dispose, [Symbol.dispose]: dispose };
  const report = await evaluateFolder(folder, { environment: "own", metrics: ["mse", "fvd"], networks });
  expect(report.missing.fvd).toBe("clip b has 1 frames, and I3D needs 2");
  expect(scoreText(report)).toMatch(/MSE ↓[^]*FVD: not computed: clip b has 1 frames/);
});

test("a metric that the protocol does not have is not opened, and said to be no part of it", async () => {
  const folder = path.join(root, "recon");
  const video = { height: 320, width: 320, fps: 4, crf: 40 };
  const grey = (value: number): Uint8Array[] =>
    Array.from({ length: 20 }, (_, t) => new Uint8Array(320 * 320 * 3).fill(value + t));
  await mkdir(path.join(folder, "a"), { recursive: true });
  await writeVideo(path.join(folder, "a/gt_video.mp4"), grey(90), video);
  await writeVideo(path.join(folder, "a/pred_video.mp4"), grey(100), video);
  const report = await evaluateFolder(folder, { environment: "recon_rollout", metrics: ["psnr", "fvd"], n: 1 });
  expect(report.missing).toEqual({ fvd: expect.stringMatching(/not part of this protocol/) as string });
  expect(report.checksums).toEqual({});
});

describe("bad input is named with the clip", () => {
  const scoring = (folder: string, environment: "own" | "csgo" = "own") =>
    evaluateFolder(folder, { environment, metrics: ["mse"], n: 1 });

  test("no folder, no clips, a missing partner", async () => {
    await expect(scoring(path.join(root, "absent"))).rejects.toThrow(/absent: cannot be listed/);
    const empty = await mkdtemp(path.join(root, "empty-"));
    await expect(scoring(empty)).rejects.toThrow(/holds no clips/);
    await writePair(empty, "one", 0);
    await rm(path.join(empty, "one/gt_video.mp4"));
    await expect(scoring(empty)).rejects.toThrow(
      /one\/gt_video\.mp4: is missing, though its partner .*one\/pred_video\.mp4/,
    );
  });

  test("other lengths, sizes and rates, too few frames, a damaged file", async () => {
    const folder = await mkdtemp(path.join(root, "bad-"));
    await writePair(folder, "x", 0);
    const prediction = path.join(folder, "x/pred_video.mp4");
    const video = { height, width, fps: 4, crf: 0 };
    await writeVideo(prediction, moving(5, 0), video);
    await expect(scoring(folder)).rejects.toThrow(/x\/pred_video\.mp4: has 5 frames of 32x32, its truth 3 frames/);
    await writeVideo(prediction, moving(3, 0), { ...video, fps: 8 });
    await expect(scoring(folder)).rejects.toThrow(/has 8 frames per second, its truth 4/);
    await expect(scoring(folder, "csgo")).rejects.toThrow(/frames per second|has 3 frames/);
    await writeVideo(prediction, moving(3, 0), video);
    await expect(scoring(folder, "csgo")).rejects.toThrow(/has 3 frames; CS:GO is scored over 12/);
    await writeFile(prediction, "not a video");
    await expect(scoring(folder)).rejects.toThrow(/x\/pred_video\.mp4/);
  });

  test("frames that are not finite", async () => {
    const folder = await mkdtemp(path.join(root, "nan-"));
    await writePair(folder, "x", 0);
    const block = emptyBlock(3, height, width);
    const bad = { ...rawFrames(block), data: new Float32Array(block.values.length) };
    bad.data[height * width] = NaN; // red, frame 2
    await writeNpz(path.join(folder, "x/raw_data.npz"), new Map(Object.entries({ gt: rawFrames(block), pred: bad })));
    await expect(scoring(folder)).rejects.toThrow(
      /x\/raw_data\.npz: pred of clip x holds values that are not finite, the first in frame 2 of 3; nothing is averaged over them/,
    );
  });
});
