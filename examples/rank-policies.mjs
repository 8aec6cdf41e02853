// Ranks policies in the built-in world, and checks the ranking against the truth: the frames that recordings go on with.
// Usage: node examples/rank-policies.mjs [starts] [frames]     (after `npx tsc -b`; exit code 1 where the ranking is wrong)
//
// Policies play from the same held-out starts, all starts side by side. A policy's score is how close (PSNR, dB) the frames it brings about
// are to the true ones, which came of the recorded actions. `recorded` takes those, `repeat` goes on with the last action it knows of,
// `random` draws one of the extremes of every channel. In a world that does as it is told, recorded is above random, start by start.
import path from "node:path";
import { findWorld, openEnvironment, readWorldConfig } from "@vid2world/world";
import { openRecording } from "@vid2world/world/data/recording";
import { readHeldOutClips } from "@vid2world/world/evaluation/held-out";
import { chooseStarts, seededRandom } from "@vid2world/world/evaluation/starts";

const [count = 8, frames = 6] = process.argv.slice(2).map(Number);
const folder = await findWorld("doom");
const { contextFrames, recordings, channels, frame } = await readWorldConfig(folder);
const width = channels.length; // no choices among them: a row is what the network sees
const recording = await openRecording(path.resolve(folder, recordings));
const clips = await readHeldOutClips(recording, { height: frame.height, width: frame.width, actionWidth: width });
const starts = chooseStarts(clips, { count, contextFrames, frames, seed: 0 });
const rowOf = ({ actions_TA }, t) => [...actions_TA.subarray(t * width, (t + 1) * width)];

const random = seededRandom(1);
const extremes = channels.map((channel) => (channel.kind === "binary" ? [0, 1] : channel.range));
const policies = {
  recorded: (start, t) => rowOf(start, contextFrames - 1 + t),
  repeat: (start) => rowOf(start, contextFrames - 2),
  random: () => extremes.map(([low, high]) => (random() < 0.5 ? low : high)),
};

const env = await openEnvironment("doom", { sessions: starts.length });
await env.reset(
  starts.map((start) => ({
    frames: start.context_THWC,
    actions: Array.from({ length: contextFrames - 1 }, (_, t) => rowOf(start, t)),
  })),
);
const size = frame.height * frame.width * 3;
const scores = {};
for (const [name, policy] of Object.entries(policies)) {
  const own = env.fork(); // all policies go on from the same place
  scores[name] = starts.map(() => 0);
  for (let t = 0; t < frames; t++) {
    const seen = await own.step(starts.map((start) => policy(start, t)));
    for (const [i, { pixels }] of seen.entries())
      scores[name][i] += psnr(pixels, starts[i].truth_THWC.subarray(t * size, (t + 1) * size)) / frames;
  }
  await own.dispose();
}
await env.dispose();

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const ranking = Object.keys(scores).sort((a, b) => mean(scores[b]) - mean(scores[a]));
for (const name of ranking) console.log(`${name.padEnd(10)} ${mean(scores[name]).toFixed(2)} dB`);
const wins = scores.recorded.filter((score, i) => score > scores.random[i]).length;
const right = ranking[0] === "recorded" && wins > starts.length / 2;
console.log(
  `recorded beats random from ${wins} of ${starts.length} starts: the ranking is ${right ? "right" : "wrong"}`,
);
process.exitCode = right ? 0 : 1;

/** Peak signal-to-noise ratio of two pictures, dB. */
function psnr(a, b) {
  const error = a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length;
  return 10 * Math.log10(255 ** 2 / error);
}
