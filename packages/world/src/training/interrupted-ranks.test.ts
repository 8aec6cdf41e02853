// Ranks that are told to stop or killed at any moment, while checkpoints are written beside the steps and steps are left out: what the others
// say, and that nothing is lost. `benchmarks/kill-ranks.ts` does the same many times with whole runs.
import { mkdirSync, watch } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { availableBackends } from "@vid2world/torch";
import { verifySafetensors } from "@vid2world/formats";
import { checkpointFile, listCheckpoints, stepOf } from "./checkpoints.js";
import { drawFor } from "./draws.js";
import { streamsOf } from "./ranks.js";
import { farthest, type RankJob, rankJobs } from "./testing/rank-job.js";

const { start, run, at, checkpoints } = rankJobs();
const DEFAULT_SEED = 42;
/** Milliseconds within which a kill comes, at a moment that nobody chose. */
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.random() * 100));

/** The step of the newest checkpoint. */
const newestStep = async (): Promise<number> => stepOf((await listCheckpoints(at("checkpoints"))).at(-1) ?? "");

/** The first step from `from` on of which a micro batch is bad, as rank-job.ts draws them. */
function nextBadStep(from: number, microBatches: number, bad: number): number {
  const isBad = (stream: number): boolean => {
    const draw = drawFor(DEFAULT_SEED, stream);
    draw.below(3); // the batch's
    return draw.below(1000) < 1000 * bad;
  };
  for (let step = from; ; step++)
    if (streamsOf(step, microBatches, { rank: 0, count: 1 }).some((stream) => isBad(stream))) return step;
}

/** Resolves when a checkpoint is being written: it has a name of its own until it is whole. */
async function writing(job: RankJob): Promise<void> {
  mkdirSync(at("checkpoints"), { recursive: true });
  await new Promise<void>((resolve) => {
    const watcher = watch(at("checkpoints"), (_, name) => {
      if (name?.endsWith(".tmp") !== true) return;
      watcher.close();
      resolve();
    });
    void job.ended.then(() => watcher.close());
  });
}

describe.skipIf(!availableBackends().includes("gloo"))("ranks that are interrupted", () => {
  test("a signal to one rank stops all of them after the same step, with one checkpoint", async () => {
    const job = await start(2, { maxSteps: 1e6 }, { pause: 20 });
    await job.reached(3);
    job.ranks[1]?.kill("SIGTERM");
    const [first, second] = await job.ended;
    expect(first).toMatchObject({ code: 0, finished: false });
    expect(second?.step).toBe(first?.step);
    expect(await checkpoints()).toHaveLength(1);
  }, 120_000);

  test("rank 0 of two killed at any moment: the other says so and ends, and the run goes on to the very same weights", async () => {
    const settings = { checkpointMinutes: 1e-9 };
    const job = await start(2, { ...settings, maxSteps: 1e6 }, { pause: 20 });
    await job.reached(4);
    await soon();
    job.ranks[0]?.kill("SIGKILL");
    const [, survivor] = await job.ended;
    expect(survivor?.code).toBe(1);
    expect(survivor?.error).toMatch(/rank 0 .*does not answer any more/);
    const maxSteps = (await newestStep()) + 2;
    const [resumed, [whole]] = await Promise.all([
      run(2, { ...settings, maxSteps }),
      run(2, { maxSteps }, { out: at("whole") }),
    ]);
    for (const rank of resumed)
      expect(rank).toMatchObject({ code: 0, step: maxSteps, finished: true, digest: whole?.digest });
  }, 120_000);

  test("a kill among three ranks that save beside the steps and leave steps out: two go on to what one alone gets", async () => {
    const settings = { checkpointSteps: 1, keepCheckpoints: 2 };
    const bad = { bad: 0.04, dtype: "float64" } as const;
    const job = await start(3, { ...settings, accumulate: 2, maxSteps: 1e6 }, { ...bad, pause: 15 });
    await job.reached(5);
    await soon();
    job.ranks[2]?.kill("SIGKILL");
    for (const { code, error } of (await job.ended).slice(0, 2)) {
      expect(code).toBe(1);
      expect(error).toMatch(/rank 2 .*does not answer any more/);
    }
    const maxSteps = nextBadStep((await newestStep()) + 1, 6, bad.bad) + 2; // the resumed run leaves one out
    const [[resumed], [whole]] = await Promise.all([
      run(2, { ...settings, accumulate: 3, maxSteps }, bad),
      run(1, { accumulate: 6, maxSteps }, { ...bad, out: at("whole") }),
    ]);
    expect(resumed).toMatchObject({ code: 0, step: maxSteps, finished: true });
    expect(resumed?.leftOut).toBeGreaterThan(0);
    expect(farthest(resumed, whole)).toBeLessThan(1e-10);
    expect(await readdir(at("instability"))).toEqual(await readdir(at("whole", "instability")));
    const last = await readFile(checkpointFile(at("checkpoints"), maxSteps), "latin1");
    expect(last).toContain(String.raw`\"microBatches\":6`);
  }, 120_000);

  test.each(["SIGTERM", "SIGKILL"] as const)(
    "%s while a checkpoint is written leaves whole ones",
    async (signal) => {
      const settings = { checkpointSteps: 1, keepCheckpoints: 20 };
      const options = { ballast: 4e6 }; // 16 MB: long enough to write
      const job = await start(1, { ...settings, maxSteps: 1e6 }, options);
      await job.reached(3);
      await writing(job);
      job.ranks[0]?.kill(signal);
      const [ended] = await job.ended;
      expect(ended?.code).toBe(signal === "SIGTERM" ? 0 : null);
      const whole = await listCheckpoints(at("checkpoints"));
      for (const file of whole) expect(await verifySafetensors(file)).toBe(true);
      if (signal === "SIGTERM") {
        expect(await checkpoints()).toHaveLength(whole.length); // nothing else is left
        expect(await newestStep()).toBe(ended?.step);
      }
      const maxSteps = (await newestStep()) + 2;
      const [[resumed], [undisturbed]] = await Promise.all([
        run(1, { ...settings, maxSteps }, options),
        run(1, { maxSteps }, { ...options, out: at("whole") }),
      ]);
      expect(resumed?.digest).toBe(undisturbed?.digest);
      expect((await checkpoints()).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    },
    120_000,
  );
});
