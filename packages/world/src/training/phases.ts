// The seam through which a profile sees where a step's time goes. Without a profile it costs one comparison.

/** What a training step spends its time on. */
export const PHASES = [
  ...(["loading", "encoding", "forward", "backward", "communication", "optimizer", "saving"] as const),
];
/** One of `PHASES`. */
export type Phase = (typeof PHASES)[number];

/** Receives the phases of a run while it is installed. */
export interface PhaseRecorder {
  /** Runs a phase that the step waits for; phases inside of phases are allowed. */
  run<T>(name: Phase, body: () => T): T;
  /** Runs work that goes on beside the steps. */
  beside<T>(name: Phase, work: () => Promise<T>): Promise<T>;
}

let recorder: PhaseRecorder | undefined;

/** Installs the recorder of this process; undefined removes it. */
export function recordPhases(installed: PhaseRecorder | undefined): void {
  recorder = installed;
}

/** Runs `body`, which the step waits for, as part of a phase. A promise that it returns ends the phase when it settles. */
export function phase<T>(name: Phase, body: () => T): T {
  return recorder === undefined ? body() : recorder.run(name, body);
}

/** Runs work that the steps do not wait for, such as writing a checkpoint, as part of a phase. */
export function phaseBeside<T>(name: Phase, work: () => Promise<T>): Promise<T> {
  return recorder === undefined ? work() : recorder.beside(name, work);
}
