// One batch of a protocol: what is complete is left alone, the rest is read, sampled by the protocol's own way, and written.
import { rm } from "node:fs/promises";
import type { DomainSource } from "../../data/domain-clip.js";
import type { WorldModel } from "../../world-model.js";
import { sampleAutoregressive } from "./autoregressive.js";
import { type ClipSettings, isClipComplete, workFolder, writeClip } from "./clip-files.js";
import { defined } from "./defined.js";
import type { FrameBlock } from "./frame-block.js";
import type { Job } from "./jobs.js";
import { loadLongState, saveLongState } from "./long-progress.js";
import { type ProtocolLengths, type ProtocolName, layoutOf, videoRate } from "./protocol-table.js";
import { type ProtocolClip, type ReadOptions, readProtocolClip } from "./read-batch.js";
import type { ClipBatch, SamplingOptions } from "./sampling.js";
import { sampleLong } from "./sliding-window.js";
import { sampleWholeClip } from "./whole-clip.js";

/** Everything that stays the same while a process works, and what it counts. */
export interface Run {
  readonly world: WorldModel;
  /** Tells weights apart. */
  readonly weights: string;
  readonly source: DomainSource;
  readonly out: string;
  readonly protocol: ProtocolName;
  readonly lengths: ProtocolLengths;
  readonly magnitude: number;
  readonly read: ReadOptions;
  readonly signal: AbortSignal | undefined;
  readonly count: { done: number; predicted: number; seconds: number; written: string[]; skipped: string[] };
  readonly advance: (frames: number) => void;
}

/** Runs the jobs as one batch. Jobs of it that are complete are sampled along: batches made up alike give the same bytes. */
export async function runBatch(run: Run, jobs: readonly Job[]): Promise<void> {
  const { source, out, lengths, count } = run;
  const layout = layoutOf(source.domain);
  const settings = jobs.map((job) => settingsOf(run, job));
  const complete: boolean[] = [];
  for (const [place, { name }] of jobs.entries())
    complete.push(await isClipComplete(out, name, layout, settings[place] as ClipSettings));
  if (complete.every(Boolean)) {
    count.skipped.push(...jobs.map(({ name }) => name));
    run.advance(jobs.length * lengths.frames);
    return;
  }
  run.signal?.throwIfAborted();
  const clips: ProtocolClip[] = [];
  for (const job of jobs) clips.push(await readProtocolClip(source, job, run.read));
  const predictions = await sample(run, jobs, clips, settings);
  for (const [place, { name }] of jobs.entries()) {
    if (complete[place] === true) {
      count.skipped.push(name);
      continue;
    }
    const { truth, actions_TA, fps } = clips[place] as ProtocolClip;
    const finished = {
      ...{ name, truth, actions_TA, actionDim: source.actionDim },
      prediction: predictions[place] as FrameBlock,
      fps: videoRate(source.domain, fps),
      settings: settings[place] as ClipSettings,
    };
    await writeClip(out, finished, layout);
    count.written.push(name);
  }
}

/** Samples a batch by the protocol's own way and keeps the time. */
async function sample(
  run: Run,
  jobs: readonly Job[],
  clips: readonly ProtocolClip[],
  settings: readonly ClipSettings[],
): Promise<FrameBlock[]> {
  const { world, protocol, lengths, count } = run;
  const batch: ClipBatch = {
    known: clips.map(({ known }) => known),
    actions_TA: clips.map(({ actions_TA }) => actions_TA),
    seeds: jobs.map(({ seed }) => seed),
  };
  const options: SamplingOptions = {
    frames: lengths.frames,
    onFrame: () => {
      count.predicted += jobs.length;
      run.advance(jobs.length);
    },
    ...defined({ signal: run.signal }),
  };
  const began = performance.now();
  try {
    if (protocol === "long") return await sampleLongSaved(run, jobs, settings, batch, options);
    for (const { name } of jobs) await rm(workFolder(run.out, name), { recursive: true, force: true });
    return await (protocol === "nar" ? sampleWholeClip : sampleAutoregressive)(world, batch, options);
  } finally {
    count.seconds += (performance.now() - began) / 1000;
  }
}

/** A long rollout that goes on where an interrupted one was saved. */
async function sampleLongSaved(
  run: Run,
  jobs: readonly Job[],
  settings: readonly ClipSettings[],
  batch: ClipBatch,
  options: SamplingOptions,
): Promise<FrameBlock[]> {
  const { world, source, out, lengths } = run;
  const states: FrameBlock[] = [];
  for (const [place, { name }] of jobs.entries()) {
    const state = await loadLongState(out, name, settings[place] as ClipSettings);
    if (state) states.push(state);
  }
  const resumes = states.length === jobs.length && new Set(states.map(({ frames }) => frames)).size === 1;
  if (resumes) run.advance(jobs.length * (states[0]?.frames ?? 0));
  return sampleLong(world, batch, {
    ...options,
    ...(resumes && { done: states }),
    save: async (predicted) => {
      for (const [place, { name }] of jobs.entries()) {
        const state = {
          ...{ name, settings: settings[place] as ClipSettings, actionDim: source.actionDim },
          history: batch.known[place] as FrameBlock,
          predicted: predicted[place] as FrameBlock,
          actions_TA: batch.actions_TA[place] as Float32Array,
        };
        await saveLongState(out, state, state.predicted.frames === lengths.frames);
      }
    },
  });
}

/** What decides about a rollout's frames, besides the weights. */
function settingsOf(run: Run, { start, seed, variant }: Job): ClipSettings {
  const { world, weights, source, protocol, lengths, read, magnitude } = run;
  const { actions } = read;
  return {
    protocol,
    world: world.name,
    weights,
    domain: source.domain,
    clip: start.name,
    start: start.start,
    stride: read.stride,
    contextFrames: lengths.contextFrames,
    frames: lengths.frames,
    seed,
    sampler: world.sampler,
    ...(variant && { action: variant.label, magnitude }),
    ...(protocol === "long" && { actions: typeof actions === "string" ? actions : actions.name }),
  };
}
