// The parts of the protocols: frames as bytes and arrays, lengths, names, seeds, shares, held keys, the sliding window, weights.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeNpy } from "@vid2world/formats/npy/npy";
import { fromTypedArray, liveTensors, noGrad } from "@vid2world/torch";
import { expect, test } from "vitest";
import { csgoStillAction } from "../../data/csgo/csgo-actions.js";
import { sampleAutoregressive } from "./autoregressive.js";
import { blockOf, blockOfRaw, frameBytes, joinBlocks, rawFrames, setFrames, sliceBlock, emptyBlock } from "./frame-block.js"; // prettier-ignore
import { planJobs, shareOf } from "./jobs.js";
import { heldMovements, movements, readActionFile } from "./movement.js";
import { protocolLengths } from "./protocol-table.js";
import { sampleLong } from "./sliding-window.js";
import { tinySize, tinySource, tinyWorld } from "./tiny-domain.js";
import { weightsId } from "./weights-id.js";

test("videos cut the fraction of a level off, pictures round it, both clamp", () => {
  const values = Float32Array.from([-2, -1, 0, 0.999, 1, 3].flatMap((value) => [value, value, value]));
  const block = { values, frames: 6, height: 1, width: 1 };
  const levels = (rounding: "truncate" | "round"): number[] =>
    Array.from({ length: 6 }, (_, t) => frameBytes(block, t, rounding)[0] ?? -1);
  expect(levels("truncate")).toEqual([0, 0, 127, 254, 255, 255]);
  expect(levels("round")).toEqual([0, 0, 128, 255, 255, 255]);
});

test("blocks are filled frame by frame, cut, joined, and come back from their raw form", () => {
  const blocks = [emptyBlock(2, 1, 2), emptyBlock(2, 1, 2)];
  using frame_BCHW = fromTypedArray(
    Float32Array.from({ length: 12 }, (_, i) => i / 16),
    [2, 3, 1, 2],
  );
  setFrames(blocks, frame_BCHW, 1);
  expect([...(blocks[1]?.values ?? [])]).toEqual([0, 0, 0, 0, 0, 0, 6 / 16, 7 / 16, 8 / 16, 9 / 16, 10 / 16, 11 / 16]);
  const block = blocks[1] ?? emptyBlock(1, 1, 1);
  const raw = rawFrames(block);
  expect(raw.shape).toEqual([3, 2, 1, 2]);
  expect([...raw.data].slice(0, 4)).toEqual([0.5, 0.5, 0.5 + 3 / 16, 0.5 + 3.5 / 16]);
  expect(blockOfRaw(raw)).toEqual(block);
  expect(joinBlocks(sliceBlock(block, 0, 1), sliceBlock(block, 1, 2))).toEqual(block);
  using same_TCHW = fromTypedArray(block.values, [2, 3, 1, 2]);
  expect(blockOf(same_TCHW)).toEqual(block);
});

test("lengths are the published ones and shrink with the network's window", () => {
  const lengths = (protocol: Parameters<typeof protocolLengths>[0], windowLength: number, domain = "csgo" as const) => {
    const { contextFrames, frames, clipFrames } = protocolLengths(protocol, { domain, windowLength });
    return [contextFrames, frames, clipFrames];
  };
  expect(lengths("ar", 16)).toEqual([4, 12, 16]);
  expect(lengths("nar", 16)).toEqual([1, 15, 16]);
  expect(lengths("single-step", 20)).toEqual([4, 16, 20]);
  expect(lengths("rollout", 16)).toEqual([4, 16, 20]);
  expect(lengths("long", 10)).toEqual([9, 100, 9]);
  expect(lengths("long", 16)).toEqual([9, 100, 9]);
  expect(protocolLengths("long", { domain: "stills", windowLength: 10 }).frames).toBe(50);
  expect(protocolLengths("long", { domain: "csgo", windowLength: 10, recordedActions: true }).clipFrames).toBe(109);
  expect(lengths("ar", 4)).toEqual([3, 1, 4]);
  expect(() => protocolLengths("long", { domain: "csgo", windowLength: 10, contextFrames: 10 })).toThrow(/1 to 9/);
});

test("start n draws with seed + n, variants of a start alike; processes share whole batches", () => {
  const list = Array.from({ length: 5 }, (_, i) => ({ name: `e${i % 3}`, start: i }));
  const options = { domain: "rt1", contextFrames: 1, clipFrames: 4, seed: 7, batch: 2 } as const;
  const { units } = planJobs(list, options);
  const seeds = units.map(({ batches }) => batches.flat().map(({ seed }) => seed));
  expect(seeds).toEqual([[7, 8], [9, 10], [11]]);
  expect(units[0]?.batches[0]?.map(({ name }) => name)).toEqual(["e0_00000", "e1_00001"]);
  expect(shareOf(units, 1, 2)).toEqual([units[1]]);
  expect([0, 1, 2].flatMap((rank) => shareOf(units, rank, 3))).toEqual(units);
  const variants = [{ label: "a" }, { label: "b" }, { label: "c" }];
  const [unit] = planJobs(list, { ...options, starts: 1, variants }).units;
  expect(unit?.batches.map((jobs) => jobs.map(({ name, seed }) => [name, seed]))).toEqual([
    [["e0_00000_a", 7], ["e0_00000_b", 7]],
    [["e0_00000_c", 7]],
  ]); // prettier-ignore
  expect(() => planJobs(list, { ...options, seed: 2 ** 32 - 3 })).toThrow(/seed: expected/);
});

test("drawn movements are w, a, s or d, held for ten frames, the same for a seed", () => {
  const rows = movements("csgo");
  expect(rows.map((row) => row.indexOf(1))).toEqual([0, 1, 2, 3]);
  for (const row of rows) expect([...row].slice(4)).toEqual([...csgoStillAction()].slice(4));
  const drawn = heldMovements(rows, 25, 3);
  expect(heldMovements(rows, 25, 3)).toEqual(drawn);
  const keys = Array.from({ length: 25 }, (_, t) => drawn.subarray(t * 51, t * 51 + 4).indexOf(1));
  expect(keys.every((key, t) => key === keys[Math.floor(t / 10) * 10])).toBe(true);
  const all = new Set(Array.from({ length: 40 }, (_, seed) => heldMovements(rows, 1, seed).indexOf(1)));
  expect([...all].sort()).toEqual([0, 1, 2, 3]);
  expect(() => movements("recordings", [])).toThrow(/actions: expected "recorded" or a file/);
});

test("actions from a file must have the world's width", async () => {
  const folder = await mkdtemp(join(tmpdir(), "vid2world-actions-"));
  const file = join(folder, "a.npy");
  await writeNpy(file, { dtype: "float64", shape: [2, 3], data: Float64Array.from([1, 2, 3, 4, 5, 6]) });
  expect((await readActionFile(file, 3)).rows_TA).toEqual(Float32Array.from([1, 2, 3, 4, 5, 6]));
  await expect(readActionFile(file, 2)).rejects.toThrow(/shape \[2, 3\]; \[frames, 2\] is needed/);
  await rm(folder, { recursive: true });
});

test("each step of a long rollout is a rollout of one frame from the window of pictures, under noise of its own", async () => {
  const world = tinyWorld({ domain: "csgo", temporalLength: 4 });
  const clip = await tinySource("csgo", []).read({ name: "x", start: 0 }, 6);
  const known = sliceBlock(blockOf(clip.frames_TCHW), 0, 3);
  clip.frames_TCHW.dispose();
  const batch = { known: [known], actions_TA: [clip.actions_TA], seeds: [11] };
  const [long] = await sampleLong(world, batch, { frames: 2 });
  if (!long) throw new Error("no rollout");
  const [first] = await sampleAutoregressive(world, batch, { frames: 1 });
  expect(sliceBlock(long, 0, 1).values).toEqual(sliceBlock(first ?? long, 3, 4).values);
  // The second window: two known frames and the first predicted one, as it was decoded.
  const next = {
    known: [joinBlocks(sliceBlock(known, 1, 3), sliceBlock(long, 0, 1))],
    actions_TA: [clip.actions_TA.slice(51)],
    seeds: [11 + 2 ** 32],
  };
  const [second] = await sampleAutoregressive(world, next, { frames: 1 });
  expect(sliceBlock(long, 1, 2).values).toEqual(sliceBlock(second ?? long, 3, 4).values);
  expect(long).toMatchObject({ frames: 2, ...tinySize });
});

test("the name of weights changes with them and costs no memory", () => {
  const world = tinyWorld({ domain: "recon" });
  const name = weightsId(world);
  const before = liveTensors();
  expect(weightsId(tinyWorldLike(world))).toBe(name);
  expect(liveTensors()).toBeLessThanOrEqual(before);
  noGrad(() => void world.parts.unet.parameters().at(-1)?.add_(1));
  expect(weightsId(world)).not.toBe(name);
});

const tinyWorldLike = (world: ReturnType<typeof tinyWorld>): ReturnType<typeof tinyWorld> => world.fork();
