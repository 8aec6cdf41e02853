// Who gets the network next. One turn at a time: sessions whose step waits and whose state is there share a pass, the one served longest ago
// first; sessions that must be computed back to an earlier frame get one evaluation per turn beside them; and when nobody waits, memories are
// settled for the frames to come. Who plays alone has the memory settled on another thread while the picture is made. Between turns the
// process hears its callers, so that sessions join and leave from frame to frame.

import { OutOfMemoryError, type Tensor, cuda } from "@vid2world/torch";
import type { SamplerConfig } from "../diffusion/samplers/sampler-config.js";
import type { WorldModel } from "../world-model.js";
import { type WorldState, releaseState, retainState } from "../world-state.js";
import { EngineError, type EngineFrame, type EngineStep } from "./engine.js";
import type { EngineSession } from "./engine-session.js";
import { Batcher, type Batching, type Outcome } from "./exact-batches.js";
import { type Drawing, type FramePasses, framePasses, newestOf, samplerOf } from "./frame-passes.js";

/** A drawn frame and its latent, from which the session can go on elsewhere. */
export interface LatentFrame extends EngineFrame {
  /** C*h*w numbers. */
  readonly latent: Float32Array;
}

interface Job {
  readonly step: EngineStep;
  readonly sampler: SamplerConfig;
  /** `performance.now()` when it was asked for. */
  readonly asked: number;
  /** Whether memory was made free for it once. */
  retried: boolean;
  readonly resolve: (frame: LatentFrame) => void;
  readonly reject: (error: Error) => void;
}

/** A session in the queue. */
interface Seat {
  readonly session: EngineSession;
  readonly jobs: Job[];
  /** Turn of its newest frame. */
  served: number;
  /** The computation of a state that was not held. */
  rebuild: { readonly node: number; readonly work: Generator<undefined, void, void> } | undefined;
  /** The node to settle when nobody waits. */
  newest: number | undefined;
  /** Whether its newest state is being settled on another thread; its next step waits for that. */
  settling: boolean;
}

/** A step that can be computed now. */
interface Ready {
  readonly seat: Seat;
  readonly job: Job;
  readonly state: WorldState;
}

/** How passes are formed. */
export interface SchedulerOptions {
  readonly batching: Batching;
  /** Most sessions in a pass. */
  readonly maxBatch: number;
}

/** The queue of an engine. */
export class FrameScheduler {
  framesDrawn = 0;
  readonly #world: WorldModel;
  readonly #passes: FramePasses;
  readonly #batcher: Batcher;
  readonly #maxBatch: number;
  readonly #seats = new Map<string, Seat>();
  readonly #tasks: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];
  #turns = 0;
  /** States that are being settled on other threads. */
  #aside = 0;
  /** Whether the last turn was a task's. */
  #hadTask = false;
  #scheduled = false;

  constructor(world: WorldModel, { batching, maxBatch }: SchedulerOptions) {
    this.#world = world;
    this.#passes = framePasses(world);
    this.#batcher = new Batcher(batching, maxBatch);
    this.#maxBatch = maxBatch;
  }

  /** Sessions by name. */
  get sessions(): ReadonlyMap<string, { readonly session: EngineSession }> {
    return this.#seats;
  }

  /** Gives a session a seat. */
  add(name: string, session: EngineSession): void {
    const newest = session.nodes.length - 1;
    this.#seats.set(name, { session, jobs: [], served: this.#turns, rebuild: undefined, newest, settling: false });
    this.#wake();
  }

  /** Takes a session out and frees it; its steps are refused. */
  remove(name: string): void {
    const seat = this.#seats.get(name);
    if (seat === undefined) return;
    this.#seats.delete(name);
    seat.rebuild?.work.return();
    for (const job of seat.jobs) job.reject(new EngineError("unknown-session", "the session was closed"));
    seat.session.dispose();
  }

  /** Waits for its turn and draws a frame. */
  step(name: string, step: EngineStep): Promise<LatentFrame> {
    const seat = this.#seats.get(name);
    if (seat === undefined) return Promise.reject(new EngineError("unknown-session", "no session of this name"));
    const sampler = samplerOf(this.#world, step.settings);
    return new Promise((resolve, reject) => {
      seat.jobs.push({ step, sampler, asked: performance.now(), retried: false, resolve, reject });
      this.#wake();
    });
  }

  /** Does something between two passes. */
  task<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#tasks.push(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(asEngineError(error));
        }
      });
      this.#wake();
    });
  }

  /** Resolves once no step and no task waits. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#wake();
    });
  }

  /** A picture of a latent, bit for bit as it was first shown. Only in a task. */
  decode(latent_BCHW: Tensor, decoder: EngineStep["settings"]["decoder"]): Uint8Array {
    const [outcome] = this.#batcher.run(this.#passes.decode(decoder), [latent_BCHW]) as [Outcome<Tensor>];
    if ("value" in outcome) return this.#passes.picture(outcome.value);
    throw outcome.error;
  }

  #wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#turn()) this.#wake();
    });
  }

  /** -> whether there may be more to do */
  #turn(): boolean {
    this.#turns++;
    const waiting = [...this.#seats.values()]
      .filter(({ jobs, settling }) => jobs.length > 0 && !settling)
      .sort((a, b) => a.served - b.served);
    // By turns with the passes: whoever looks through pictures of the past delays the others' frames by one picture, not by all.
    const task = this.#hadTask && waiting.length > 0 ? undefined : this.#tasks.shift();
    this.#hadTask = task !== undefined;
    if (task) {
      task();
      return true;
    }
    const group = this.#group(waiting);
    if (group.length > 0) this.#serve(group);
    // After the pass, so that a state that was just computed back is used before another one takes its place.
    const absent = waiting.find(({ session, jobs }) => jobs.some(({ step }) => !session.states.has(step.from)));
    if (absent) this.#rebuildOne(absent);
    if (waiting.length > 0) return true;
    if (this.#settleSome()) return true;
    if (this.#aside === 0) this.#idle.splice(0).forEach((resolve) => resolve());
    return false;
  }

  /** Those that can share a pass with the one that waits longest. */
  #group(waiting: readonly Seat[]): Ready[] {
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
    return ready.filter((other) => keyOf(other) === keyOf(first)).slice(0, this.#maxBatch);
  }

  #rebuildOne(seat: Seat): void {
    const job = seat.jobs.find(({ step }) => !seat.session.states.has(step.from));
    if (job === undefined) return;
    const { from } = job.step;
    if (seat.rebuild?.node !== from) {
      seat.rebuild?.work.return();
      seat.rebuild = { node: from, work: seat.session.rebuild(from) };
    }
    try {
      if (seat.rebuild.work.next().done === true) seat.rebuild = undefined;
    } catch (error) {
      seat.rebuild = undefined;
      this.#fail(seat, job, error);
    }
  }

  /** One pass: memories, frames, pictures. */
  #serve(group: readonly Ready[]): void {
    const began = performance.now();
    // Whatever a session's limits let go of meanwhile lives until the pass is over.
    const held: WorldState[] = [];
    const hold = (state: WorldState): void => void held.push(retainState(state));
    for (const { state } of group) hold(state);
    try {
      this.#drawAll(this.#settle(group, hold), began, hold);
    } finally {
      held.forEach(releaseState);
    }
  }

  #drawAll(settled: readonly Ready[], began: number, hold: (state: WorldState) => void): void {
    const first = settled[0];
    if (first === undefined) return;
    const pass = this.#passes.draw(first.job.sampler, first.state.history.length);
    const drawings = settled.map(({ state, job }): Drawing => ({ state, action: job.step.action }));
    const drawn = this.#kept(settled, this.#batcher.run(pass, drawings), hold);
    const modelled = performance.now();
    const [only] = drawn.length === 1 ? drawn : [];
    if (only) this.#settleAside(only.ready.seat, only.value);
    for (const decoder of new Set(drawn.map(({ ready }) => ready.job.step.settings.decoder))) {
      const some = drawn.filter(({ ready }) => ready.job.step.settings.decoder === decoder);
      const latents = some.map(({ value }) => newestOf(value).latent_BCHW);
      const pictures = this.#kept(some, this.#batcher.run(this.#passes.decode(decoder), latents));
      const times = { model: modelled - began, decode: performance.now() - modelled };
      for (const { ready: done, value: pixels_BCHW } of pictures)
        this.#deliver(done.ready, done.value, this.#passes.picture(pixels_BCHW), done.batch, {
          wait: began - done.ready.job.asked,
          ...times,
        });
    }
  }

  #deliver(
    { seat, job }: Ready,
    state: WorldState,
    pixels: Uint8Array,
    batch: number,
    timings: LatentFrame["timings"],
  ): void {
    const { from, action, settings } = job.step;
    const { node, frame, latent } = seat.session.add(from, action, settings, state);
    seat.newest = node;
    this.framesDrawn++;
    this.#finish(seat, job);
    job.resolve({ node, parent: from, frame, pixels, latent, timings, batch });
  }

  /** The group with settled states, less those that failed. Steps from one node share its state. */
  #settle(group: readonly Ready[], hold: (state: WorldState) => void): Ready[] {
    const keys = new Map(group.map(({ state }) => [state, this.#passes.settleKey(state)]));
    const settled = new Map<WorldState, WorldState>();
    for (const key of new Set(keys.values())) {
      const states = [...keys].flatMap(([state, its]) => (its === key ? [state] : []));
      if (key === undefined) states.forEach((state) => settled.set(state, state));
      else {
        const some = states.map((state) => group.find((ready) => ready.state === state) as Ready);
        for (const { ready, value } of this.#kept(some, this.#batcher.run(this.#passes.settle(key), states), hold)) {
          ready.seat.session.states.put(ready.job.step.from, value);
          settled.set(ready.state, value);
        }
      }
    }
    return group.flatMap((ready) => {
      const state = settled.get(ready.state);
      return state ? [{ ...ready, state }] : [];
    });
  }

  /** Settles the state of a frame that was just drawn on another thread, while its picture is made on this one. */
  #settleAside(seat: Seat, state: WorldState): void {
    const settled = this.#passes.settleAside(state);
    if (settled === undefined) return;
    retainState(state);
    seat.settling = true;
    this.#aside++;
    const put = (after: WorldState): void => {
      const { newest, session } = seat;
      if (newest !== undefined && session.states.has(newest) && session.states.get(newest) === state)
        session.states.put(newest, after);
      else after.memory?.memory.dispose();
    };
    // What failed is tried again by the next step, which can tell its caller.
    void settled
      .then(put, () => undefined)
      .finally(() => {
        releaseState(state);
        seat.settling = false;
        this.#aside--;
        this.#wake();
      });
  }

  /** Settles the newest states of sessions that could share a pass, while nobody waits. -> whether there were any */
  #settleSome(): boolean {
    const open = [...this.#seats.values()].flatMap((seat) => {
      const { newest, session, settling } = seat;
      const held = newest !== undefined && !settling && session.states.has(newest);
      const state = held ? session.states.get(newest) : undefined;
      const key = state && this.#passes.settleKey(state);
      if (key === undefined && !settling) seat.newest = undefined;
      return state && key !== undefined ? [{ seat, state, key }] : [];
    });
    const [first] = open;
    if (first === undefined) return false;
    const some = open.filter(({ key }) => key === first.key).slice(0, this.#maxBatch);
    const outcomes = this.#batcher.run(
      this.#passes.settle(first.key),
      some.map(({ state }) => state),
    );
    for (const [i, { seat }] of some.entries()) {
      const outcome = outcomes[i] as Outcome<WorldState>;
      if ("value" in outcome && seat.newest !== undefined) seat.session.states.put(seat.newest, outcome.value);
      // What failed is tried again by the next step, which can tell its caller.
      seat.newest = undefined;
    }
    return true;
  }

  /** What worked, each held by `hold`; the jobs of the others are refused, or tried once more. */
  #kept<R extends Ready | { readonly ready: Ready }, V>(
    items: readonly R[],
    outcomes: readonly Outcome<V>[],
    hold: (value: V) => void = () => undefined,
  ): { readonly ready: R; readonly value: V; readonly batch: number }[] {
    const pairs = items.map((ready, i) => ({ ready, outcome: outcomes[i] as Outcome<V> }));
    const kept = pairs.flatMap(({ ready, outcome }) => ("value" in outcome ? [{ ready, ...outcome }] : []));
    for (const { value } of kept) hold(value);
    const inPass = new Set(items.map((item) => readyOf(item).seat));
    for (const { ready, outcome } of pairs) {
      const { seat, job } = readyOf(ready);
      if (!("value" in outcome)) this.#fail(seat, job, outcome.error, inPass);
    }
    return kept;
  }

  #finish(seat: Seat, job: Job): void {
    seat.jobs.splice(seat.jobs.indexOf(job), 1);
    seat.served = this.#turns;
  }

  /** Where memory ran out, what other sessions can do without is freed, and the step tried once more. */
  #fail(seat: Seat, job: Job, error: unknown, inPass: ReadonlySet<Seat> = new Set([seat])): void {
    if (error instanceof OutOfMemoryError && !job.retried) {
      job.retried = true;
      for (const other of this.#seats.values()) if (!inPass.has(other)) other.session.states.clear();
      cuda.emptyCache();
      return;
    }
    this.#finish(seat, job);
    job.reject(asEngineError(error));
  }
}

const readyOf = (item: Ready | { readonly ready: Ready }): Ready => ("ready" in item ? item.ready : item);

/** Any error as one of the engine's. */
export function asEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new EngineError(error instanceof OutOfMemoryError ? "out-of-memory" : "failed", message, { cause: error });
}
