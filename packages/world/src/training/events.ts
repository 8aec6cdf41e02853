// What a training run tells the world while it runs. The library never prints: the command line shows these, metrics.jsonl keeps them.

/** Something that happened in a run. */
export type TrainingEvent =
  /** Preparation: decoding recordings, encoding latents. `done` of `total` units. */
  | { readonly type: "prepare"; readonly what: string; readonly done: number; readonly total: number }
  /** Means over the steps since the last such event. */
  | {
      readonly type: "progress";
      /** Optimiser steps done so far. */
      readonly step: number;
      readonly metrics: Readonly<Record<string, number>>;
      readonly learningRate: number;
      readonly stepsPerSecond: number;
      /** Share of the budget that is used up, 0 to 1. */
      readonly progress: number;
      /** Wall-clock minutes of training, summed over resumed runs. */
      readonly minutes: number;
      readonly secondsLeft: number;
    }
  | { readonly type: "validation"; readonly step: number; readonly metrics: Readonly<Record<string, number>> }
  | { readonly type: "checkpoint"; readonly step: number; readonly file: string }
  | { readonly type: "resumed"; readonly step: number; readonly file: string }
  /** The end: by budget (`finished`) or by the caller's signal. */
  | { readonly type: "end"; readonly step: number; readonly finished: boolean; readonly minutes: number };

/** Receives the events of a run, synchronously and in order. */
export type TrainingListener = (event: TrainingEvent) => void;
