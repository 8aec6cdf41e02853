// Who gets the network next. One turn at a time: sessions whose step waits and whose state is there share a pass, the one served longest ago
// first; sessions that must be computed back to an earlier frame get one evaluation per turn beside them; and when nobody waits, memories are
// settled for the frames to come. Who plays alone has the memory settled on another thread while the picture is made. Between turns the
// process hears its callers, so that sessions join and leave from frame to frame.

import { OutOfMemoryError, type Tensor, cuda } from "@vid2world/torch";
import type { WorldModel } from "../world-model.js";
import { type WorldState, releaseState, retainState } from "../world-state.js";
import { restRow } from "../data/action-space.js";
import { EngineError, type EngineFrame, type EngineStep, type HeldAction } from "./engine.js";
import type { EngineSession } from "./engine-session.js";
import { Batcher, type Batching, type Outcome } from "./exact-batches.js";
import { type FramePasses, framePasses, newestOf, samplerOf } from "./frame-passes.js";
import { type Job, type Ready, type Seat, type Task, newSeat, sharedPass, takeTask, waitingSeats } from "./seats.js"; // prettier-ignore

/** A step with the action that it is drawn with. */
interface Acting extends Ready {
  readonly action: readonly number[];
  /** Where that was held. */
  readonly held?: HeldAction;
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
  readonly #tasks: Task[] = [];
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
    this.#seats.set(name, newSeat(session, this.#turns));
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
  step(name: string, step: EngineStep): Promise<EngineFrame> {
    const seat = this.#seats.get(name);
    if (seat === undefined) return Promise.reject(new EngineError("unknown-session", "no session of this name"));
    const sampler = samplerOf(this.#world, step.settings);
    return new Promise((resolve, reject) => {
      seat.jobs.push({ step, sampler, asked: performance.now(), retried: false, resolve, reject });
      this.#wake();
    });
  }

  /** What a session's player holds from now on; sessions that are not there hold nothing. */
  hold(name: string, held: HeldAction | undefined): void {
    const seat = this.#seats.get(name);
    if (seat) seat.held = held;
  }

  /** Does something for a session between two passes; it counts as being served. */
  task<T>(session: string, work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = (): void => {
        try {
          resolve(work());
        } catch (error) {
          reject(asEngineError(error));
        }
      };
      this.#tasks.push({ session, turn: this.#turns, run });
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
    const waiting = waitingSeats(this.#seats.values());
    // By turns with the passes: whoever looks through pictures of the past delays the others' frames by one picture, not by all.
    const task = this.#hadTask && waiting.length > 0 ? undefined : takeTask(this.#tasks, this.#seats);
    this.#hadTask = task !== undefined;
    if (task) {
      task.run();
      const seat = this.#seats.get(task.session);
      if (seat) seat.served = this.#turns;
      return true;
    }
    const group = sharedPass(waiting, this.#maxBatch);
    if (group.length > 0) this.#serve(group);
    // After the pass, so that a state that was just computed back is used before another one takes its place.
    const absent = waiting.find(({ session, jobs }) => jobs.some(({ step }) => !session.states.has(step.from)));
    if (absent) this.#rebuildOne(absent);
    if (waiting.length > 0) return true;
    if (this.#settleSome()) return true;
    if (this.#aside === 0) this.#idle.splice(0).forEach((resolve) => resolve());
    return false;
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
    const acting = settled.map((ready): Acting => ({ ...ready, state: seeded(ready), ...this.#actionOf(ready) }));
    const drawn = this.#kept(acting, this.#batcher.run(pass, acting), hold);
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

  /** The action that a frame is drawn with: looked at as late as can be. */
  #actionOf({ seat, job }: Ready): Pick<Acting, "action" | "held"> {
    const { action } = job.step;
    if (action !== "held") return { action };
    const { held } = seat;
    const { channels } = this.#world.config;
    const atRest = channels ? restRow(channels) : Array.from({ length: this.#world.actionWidth }, () => 0);
    return held ? { action: held.row, held } : { action: atRest };
  }

  #deliver(
    { seat, job, action, held }: Acting,
    state: WorldState,
    pixels: Uint8Array,
    batch: number,
    timings: EngineFrame["timings"],
  ): void {
    const { from, settings } = job.step;
    const { node, frame, latent } = seat.session.add(from, action, settings, state);
    seat.newest = node;
    this.framesDrawn++;
    this.#finish(seat, job);
    job.resolve({ node, parent: from, frame, action, ...(held && { held }), pixels, latent, timings, batch });
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

/** The state to draw from with the noise of the seed that the step has of its own, or of the session's. */
const seeded = ({ state, seat, job }: Ready): WorldState => ({
  ...state,
  seed: job.step.settings.seed ?? seat.session.seed,
});

const readyOf = (item: Ready | { readonly ready: Ready }): Ready => ("ready" in item ? item.ready : item);

/** Any error as one of the engine's. */
export function asEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new EngineError(error instanceof OutOfMemoryError ? "out-of-memory" : "failed", message, { cause: error });
}
