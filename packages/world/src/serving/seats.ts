// Who sits in an engine's queue and what they wait for: who shares a pass, and whose task comes next.

import type { SamplerConfig } from "../diffusion/samplers/sampler-config.js";
import type { WorldState } from "../world-state.js";
import type { EngineFrame, EngineStep, HeldAction } from "./engine.js";
import type { EngineSession } from "./engine-session.js";

/** A step that was asked for. */
export interface Job {
  readonly step: EngineStep;
  readonly sampler: SamplerConfig;
  /** `performance.now()` when it was asked for. */
  readonly asked: number;
  /** Whether memory was made free for it once. */
  retried: boolean;
  readonly resolve: (frame: EngineFrame) => void;
  readonly reject: (error: Error) => void;
}

/** A session in the queue. */
export interface Seat {
  readonly session: EngineSession;
  readonly jobs: Job[];
  /** Turn of its newest frame or task. */
  served: number;
  /** What its player holds. */
  held: HeldAction | undefined;
  /** The computation of a state that was not held. */
  rebuild: { readonly node: number; readonly work: Generator<undefined, void, void> } | undefined;
  /** The node to settle when nobody waits. */
  newest: number | undefined;
  /** Whether its newest state is being settled on another thread; its next step waits for that. */
  settling: boolean;
}

/** A seat for a session that was never served; `turn` is that of now. */
export function newSeat(session: EngineSession, turn: number): Seat {
  const newest = session.nodes.length - 1;
  return { session, newest, jobs: [], served: turn, held: undefined, rebuild: undefined, settling: false };
}

/** A step that can be computed now. */
export interface Ready {
  readonly seat: Seat;
  readonly job: Job;
  readonly state: WorldState;
}

/** What is done for a session between two passes. */
export interface Task {
  /** Name of the session that it is done for; one that has no seat yet came in `turn`. */
  readonly session: string;
  readonly turn: number;
  readonly run: () => void;
}

/** Seats whose step waits and can be worked on, the one served longest ago first. */
export function waitingSeats(seats: Iterable<Seat>): Seat[] {
  return [...seats].filter(({ jobs, settling }) => jobs.length > 0 && !settling).sort((a, b) => a.served - b.served);
}

/** Takes the task of the session that was served longest ago: whoever asks for much waits behind those who ask for little. */
export function takeTask(tasks: Task[], seats: ReadonlyMap<string, Seat>): Task | undefined {
  const servedOf = ({ session, turn }: Task): number => seats.get(session)?.served ?? turn;
  const [first, ...others] = tasks;
  if (first === undefined) return undefined;
  const next = others.reduce((best, task) => (servedOf(task) < servedOf(best) ? task : best), first);
  tasks.splice(tasks.indexOf(next), 1);
  return next;
}

/** Those that can share a pass with the one that waits longest: settings and number of known frames are the same. */
export function sharedPass(waiting: readonly Seat[], most: number): Ready[] {
  const ready: Ready[] = [];
  const longest = Math.max(...waiting.map(({ jobs }) => jobs.length), 0);
  // The first steps of all sessions before anybody's second one.
  for (let place = 0; place < longest; place++)
    for (const seat of waiting) {
      const job = seat.jobs[place];
      const state = job && seat.session.states.get(job.step.from);
      if (state) ready.push({ seat, job, state });
    }
  const [first] = ready;
  if (first === undefined) return [];
  const keyOf = ({ job, state }: Ready): string =>
    [job.sampler.numSteps, job.sampler.guidanceScale, state.history.length].join();
  return ready.filter((other) => keyOf(other) === keyOf(first)).slice(0, most);
}
