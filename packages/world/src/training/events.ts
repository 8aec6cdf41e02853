// What a training run tells the world while it runs. The library never prints: sinks keep these, the command line shows them.

/** Something that happened in a run. */
export type TrainingEvent =
  | StartEvent
  /** Preparation: decoding recordings, encoding latents. `done` of `total` units. */
  | { readonly type: "prepare"; readonly what: string; readonly done: number; readonly total: number }
  | ProgressEvent
  | { readonly type: "validation"; readonly step: number; readonly metrics: Readonly<Record<string, number>> }
  /** Videos that a validation made. */
  | { readonly type: "samples"; readonly step: number; readonly samples: readonly SampleVideo[] }
  | { readonly type: "checkpoint"; readonly step: number; readonly file: string }
  /** A step that was left out, because its gradient was not finite or too large. */
  | {
      readonly type: "unstable";
      /** Steps done before it. */
      readonly step: number;
      /** Numbers of its micro batches, and the names of their samples. */
      readonly streams: readonly number[];
      readonly samples: readonly string[];
      readonly loss: number;
      readonly gradientNorm: number;
      /** The first parameter whose gradient is not finite. */
      readonly parameter?: string;
      /** Steps left out in a row, this one included. */
      readonly inRow: number;
      /** Weights and numbers of micro batches, for `replayStep`. */
      readonly file?: string;
    }
  | { readonly type: "resumed"; readonly step: number; readonly file: string }
  /** Something a person should look at; the run goes on. */
  | { readonly type: "warning"; readonly message: string; readonly step?: number }
  /** The end by an error, which is thrown as well. */
  | { readonly type: "failed"; readonly message: string; readonly stack?: string }
  /** The end: by budget (`finished`) or by the caller's signal. */
  | { readonly type: "end"; readonly step: number; readonly finished: boolean; readonly minutes: number };

/** The first event of a run and of every resumed part of it: what runs, where, on what. */
export interface StartEvent {
  readonly type: "start";
  /** Kind of the configuration: autoencoder, tiny-decoder, base, world or distillation. */
  readonly kind: string;
  /** Whether an earlier part is gone on with, where there is one. */
  readonly resume: boolean;
  /** Versions of what computes: vid2world, node, libtorch; and the commit of the repository, where there is one. */
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: Readonly<Record<string, string | number>>;
}

/** Means over the steps since the last such event, and what they cost. */
export interface ProgressEvent {
  readonly type: "progress";
  /** Optimiser steps done so far. */
  readonly step: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Mean loss by tenth of the noise levels, the cleanest first; null where no frame had such a level. */
  readonly lossByLevel?: readonly (number | null)[];
  readonly learningRate: number;
  readonly stepsPerSecond: number;
  /** Frames that went through the network, of all clips and processes; absent where an objective does not count them. */
  readonly framesPerSecond?: number;
  readonly memory: MemoryUse;
  /** Share of the budget that is used up, 0 to 1. */
  readonly progress: number;
  /** Wall-clock minutes of training, summed over resumed runs. */
  readonly minutes: number;
  readonly secondsLeft: number;
}

/** Bytes in use. */
export interface MemoryUse {
  /** The process, resident. */
  readonly processBytes: number;
  /** The largest that libtorch held on the device so far; absent on CPU. */
  readonly deviceBytes?: number;
}

/** A video that a validation made, as a file and as frames; a picture has one frame. */
export interface SampleVideo {
  readonly name: string;
  /** Path of the file, relative to the run's folder. */
  readonly file: string;
  readonly height: number;
  readonly width: number;
  readonly fps: number;
  /** RGB bytes T*H*W*3. */
  readonly frames_THWC: Uint8Array;
}

/** Receives the events of a run, synchronously and in order. */
export type TrainingListener = (event: TrainingEvent) => void;
