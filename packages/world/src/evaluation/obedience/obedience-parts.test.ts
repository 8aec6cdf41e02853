// The parts of the obedience tests: least squares, doses, accuracy by class, the sign test, and motion.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { channelsSchema } from "../../data/action-space.js";
import { HEADER_FILE } from "../../data/recording-format.js";
import type { Recording } from "../../data/recording.js";
import { imageMotion } from "../metrics/image-motion.js";
import { seededRandom } from "../starts.js";
import { signTest } from "../statistics/sign-test.js";
import { channelEffects, leastSquares, scalarChannels } from "./channel-effects.js";
import { dosesOf } from "./doses.js";
import { recordingChecksum } from "./recording-reference.js";
import { recoveryByChannel } from "./recovery.js";

const channels = channelsSchema.parse([
  { name: "forward", kind: "continuous", range: [-1, 1] },
  { name: "mode", kind: "choice", options: ["a", "b", "c"] },
  { name: "turn", kind: "continuous", range: [-1, 1], keys: { ArrowLeft: 0.4, ArrowRight: -0.2, MouseX: -0.01 } },
  { name: "fire", kind: "continuous", range: [0, 1], keys: { Space: 1 } },
  { name: "use", kind: "binary", keys: { KeyE: 1 } },
]);

test("least squares finds the coefficients of exact data, and says when there are none", () => {
  const rows = [0, 1, 2, 3].map((x) => [1, x, x * x]);
  const fit = leastSquares(
    rows,
    rows.map(([, x = 0, y = 0]) => 3 - 2 * x + 0.5 * y),
  );
  expect(fit?.map(([value]) => Number(value.toFixed(9)))).toEqual([3, -2, 0.5]);
  expect(leastSquares([[1, 1], [1, 1], [1, 1]], [1, 2, 3])).toBeUndefined(); // prettier-ignore
});

test("a channel's effect is found beside another one's, and noise has none", () => {
  const random = seededRandom(3);
  const pairs = Array.from({ length: 200 }, () => {
    const action_A = Array.from({ length: 7 }, () => random() - 0.5);
    const sideways = 60 * (action_A[4] ?? 0) + random();
    return { action_A, motion: { sideways, vertical: random(), expansion: undefined } };
  });
  const effects = channelEffects(channels, pairs);
  expect(effects).toHaveLength(1);
  expect(effects[0]).toMatchObject({ channel: "turn", motion: "sideways", pairs: 200 });
  expect(effects[0]?.slope).toBeCloseTo(60, 0);
});

test("doses: keys say how much is all, else half the range; one direction where rest is an end; one dose of a switch", () => {
  const doses = scalarChannels(channels).map((scalar) => dosesOf(channels, scalar).map(({ value }) => value));
  expect(doses).toEqual([[-0.25, -0.5, 0.25, 0.5], [-0.1, -0.2, 0.2, 0.4], [0.5, 1], [1]]);
  const [, turn] = scalarChannels(channels);
  expect(turn && dosesOf(channels, turn)[3]?.action_A.map((value) => Math.fround(value))).toEqual(
    [0, 1, 0, 0, 0.4, 0, 0].map(Math.fround),
  );
});

test("accuracy counts classes alike, leaves out what hardly occurs, and is 0.5 for a guess that is always the same", () => {
  const width = 7;
  const given = Array.from({ length: 40 }, (_, t) => [1, 1, 0, 0, t < 30 ? 0.4 : -0.4, 0, t < 2 ? 1 : 0]);
  const clip = (recovered: number[][]) => ({
    given_TA: Float32Array.from(given.flat()),
    recovered_TA: Float32Array.from(recovered.flat()),
  });
  const usual = new Float32Array(width);
  const exact = recoveryByChannel(channels, [clip(given), clip(given)], usual);
  expect(exact.map(({ channel, value, classes, pairs }) => [channel, value, classes, pairs])).toEqual([
    ["turn", 1, 2, 80],
  ]);
  const always = given.map((row) => row.map((value, i) => (i === 4 ? 0.4 : value)));
  expect(recoveryByChannel(channels, [clip(always), clip(always)], usual)[0]?.value).toBe(0.5);
});

test("the interval of a balanced accuracy keeps all classes: a resample without a rare one is drawn again", () => {
  const row = (turn: number): number[] => [1, 1, 0, 0, turn, 0, 0];
  const clip = (turn: number) => ({
    given_TA: Float32Array.from(Array.from({ length: 20 }, () => row(turn)).flat()),
    recovered_TA: Float32Array.from(Array.from({ length: 20 }, () => row(0.4)).flat()),
  });
  const [found] = recoveryByChannel(channels, [clip(-0.4), clip(0.4), clip(0.4), clip(0.4)], new Float32Array(7));
  expect([found?.value, found?.low, found?.high]).toEqual([0.5, 0.5, 0.5]);
});

test("the checksum of a recording changes with a picture of a folder of images", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "checksum-"));
  const file = (name: string, text: string): Promise<void> => writeFile(path.join(folder, name), text);
  await mkdir(path.join(folder, "clip"));
  for (const name of [HEADER_FILE, "clip.actions.json", "clip/0.png", "clip/1.png"]) await file(name, name);
  const episode = { media: "images", path: path.join(folder, "clip"), actionsFile: path.join(folder, "clip.actions.json") }; // prettier-ignore
  const recording = { folder, episodes: [episode] } as unknown as Recording;
  const before = await recordingChecksum(recording);
  expect(await recordingChecksum(recording)).toBe(before);
  await file("clip/1.png", "edited");
  expect(await recordingChecksum(recording)).not.toBe(before);
  await rm(folder, { recursive: true });
});

test("the sign test is the exact binomial one", () => {
  expect(signTest(5, 5)).toBeCloseTo(2 / 32, 12);
  expect(signTest(3, 6)).toBe(1);
  expect(signTest(0, 0)).toBe(1);
  expect(signTest(600, 1000)).toBeCloseTo(2.7e-10, 10);
});

test("motion: sideways, up and down, apart; nothing where pictures show nothing", () => {
  const [height, width] = [48, 64];
  const random = seededRandom(5);
  const texture = Float64Array.from({ length: 40 * 40 }, () => 40 + random() * 180);
  /** A smooth random picture, seen displaced and enlarged. */
  const view = (dx: number, dy: number, scale = 1): Uint8Array =>
    Uint8Array.from({ length: height * width * 3 }, (_, i) => {
      const pixel = Math.floor(i / 3);
      const x = ((pixel % width) - width / 2) / scale - dx + 60;
      const y = (Math.floor(pixel / width) - height / 2) / scale - dy + 60;
      return texture[(Math.floor(y / 5) % 40) * 40 + (Math.floor(x / 5) % 40)] ?? 0;
    });
  const from = view(0, 0);
  expect(imageMotion(from, view(5, 0), { height, width })).toMatchObject({ sideways: 5, expansion: 0 });
  expect(imageMotion(from, view(0, -4), { height, width }).vertical).toBe(-4);
  expect(imageMotion(from, view(0, 0, 1.1), { height, width }).expansion).toBeGreaterThan(0);
  const nothing = new Uint8Array(height * width * 3);
  expect(imageMotion(nothing, nothing, { height, width })).toEqual({
    ...{ sideways: undefined, vertical: undefined, expansion: undefined },
  });
});
