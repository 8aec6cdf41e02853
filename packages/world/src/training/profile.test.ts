// Profiles by a clock that the test moves.
import { afterEach, expect, test } from "vitest";
import { phase, phaseBeside, recordPhases } from "./phases.js";
import { createProfile, profileSteps, showProfile } from "./profile.js";

afterEach(() => recordPhases(undefined));

test("time inside an inner phase is not counted twice, and what no phase claims is other", async () => {
  let time = 0;
  const profile = createProfile({ now: () => time });
  recordPhases(profile);
  phase("forward", () => {
    time += 10;
    phase("communication", () => void (time += 5));
  });
  await phase("loading", async () => {
    await Promise.resolve();
    time += 20;
  });
  time += 5;
  const { perStep, phases } = profile.summary(2);
  expect(perStep).toBe(20);
  expect(phases).toEqual([
    { phase: "loading", calls: 1, perStep: 10, share: 0.5 },
    { phase: "forward", calls: 1, perStep: 5, share: 0.25 },
    { phase: "communication", calls: 1, perStep: 2.5, share: 0.125 },
    { phase: "other", calls: 2, perStep: 2.5, share: 0.125 },
  ]);
});

test("work beside the steps has a track of its own and no share", async () => {
  let time = 0;
  const profile = createProfile({ now: () => time, rank: 3 });
  recordPhases(profile);
  await phaseBeside("saving", async () => {
    await Promise.resolve();
    time += 7;
  });
  expect(profile.summary(1).phases[0]).toEqual({ phase: "saving", calls: 1, perStep: 7, share: undefined });
  const { traceEvents } = JSON.parse(profile.trace()) as { traceEvents: { ph: string }[] };
  expect(traceEvents.find(({ ph }) => ph === "X")).toEqual({
    ...{ name: "saving", cat: "training", ph: "X", pid: 3, tid: 2, ts: 0, dur: 7000 },
  });
  expect(showProfile(profile.summary(1))).toContain("beside");
});

test("an error inside a phase ends the phase and passes through", () => {
  const profile = createProfile();
  recordPhases(profile);
  const fail = (): never => {
    throw new Error("inside");
  };
  expect(() => phase("backward", fail)).toThrow("inside");
  expect(profile.summary(1).phases.map((line) => line.phase)).toEqual(["backward", "other"]);
});

test("a run that ends early gives the profile of the steps there were, and none of warm-up alone", () => {
  const measured: number[] = [];
  const run = (taken: number): boolean => {
    const profiling = profileSteps({ steps: 5, onProfile: ({ steps }) => measured.push(steps) }, {});
    for (let i = 0; i < taken; i++) {
      profiling.before();
      profiling.after();
    }
    return profiling.end();
  };
  expect([run(3), run(5), run(8), run(12)]).toEqual([false, true, true, true]);
  expect(measured).toEqual([2, 5, 5]);
});

test("without a recorder only the body runs", () => {
  expect(phase("forward", () => 3)).toBe(3);
});
