// A profile of training steps: how long each phase took, as a table and as a trace for Perfetto (https://ui.perfetto.dev).
import { alignedLines } from "@vid2world/formats/text-table";
import { PHASES, recordPhases } from "./phases.js";
import type { Phase, PhaseRecorder } from "./phases.js";

/** One line of the table. */
export interface PhaseTime {
  readonly phase: Phase | "other";
  /** Times that the phase was entered. */
  readonly calls: number;
  /** Milliseconds per step, without those of phases inside of it. */
  readonly perStep: number;
  /** Share of the steps' wall-clock time, 0 to 1; undefined for what ran beside the steps. */
  readonly share: number | undefined;
}

/** A finished profile. */
export interface ProfileSummary {
  readonly steps: number;
  /** Wall-clock milliseconds of one step. */
  readonly perStep: number;
  readonly phases: readonly PhaseTime[];
}

/** Records phases between its creation and its summary. */
export interface Profile extends PhaseRecorder {
  summary(steps: number): ProfileSummary;
  /** The Chrome trace format: complete events in microseconds; track 1 is the step's own thread, track 2 runs beside it. */
  trace(): string;
}

/** How a profile measures. */
export interface ProfileOptions {
  /** Waits for the device at every border of a phase, so that work lies where it was asked for. Not needed on a CPU. */
  readonly synchronize?: (() => void) | undefined;
  /** The process's number in the trace. */
  readonly rank?: number;
  /** Milliseconds; for tests. */
  readonly now?: () => number;
}

interface Span {
  readonly name: Phase;
  readonly start: number;
  readonly end: number;
  readonly track: 1 | 2;
}

interface Open {
  readonly name: Phase;
  readonly start: number;
  /** Milliseconds of the phases inside. */
  inside: number;
}

/** Starts a profile; install it with `recordPhases`. */
export function createProfile({
  synchronize = () => {},
  rank = 0,
  now = () => performance.now(),
}: ProfileOptions = {}): Profile {
  const begun = now();
  const spans: Span[] = [];
  const open: Open[] = [];
  const own = new Map<Phase, { calls: number; time: number }>();
  const besideTime = new Map<Phase, { calls: number; time: number }>();

  const add = (times: typeof own, name: Phase, time: number): void => {
    const total = times.get(name) ?? { calls: 0, time: 0 };
    times.set(name, { calls: total.calls + 1, time: total.time + time });
  };
  const enter = (name: Phase): Open => {
    synchronize();
    const entry = { name, start: now(), inside: 0 };
    open.push(entry);
    return entry;
  };
  const leave = (entry: Open): void => {
    synchronize();
    const end = now();
    const { name, start, inside } = entry;
    open.splice(open.indexOf(entry), 1);
    const around = open.at(-1);
    if (around) around.inside += end - start;
    add(own, name, end - start - inside);
    spans.push({ name, start, end, track: 1 });
  };

  return {
    run(name, body) {
      const entry = enter(name);
      let result: ReturnType<typeof body>;
      try {
        result = body();
      } catch (error) {
        leave(entry);
        throw error;
      }
      if (result instanceof Promise) return result.finally(() => leave(entry)) as typeof result;
      leave(entry);
      return result;
    },
    async beside(name, work) {
      const start = now();
      try {
        return await work();
      } finally {
        const end = now();
        add(besideTime, name, end - start);
        spans.push({ name, start, end, track: 2 });
      }
    },
    summary(steps) {
      const wall = now() - begun;
      const lines = PHASES.flatMap((name): PhaseTime[] => {
        const line = (times: typeof own, shared: boolean): PhaseTime[] => {
          const total = times.get(name);
          if (total === undefined) return [];
          const share = shared ? total.time / wall : undefined;
          return [{ phase: name, calls: total.calls, perStep: total.time / steps, share }];
        };
        return [...line(own, true), ...line(besideTime, false)];
      });
      const known = [...own.values()].reduce((sum, { time }) => sum + time, 0);
      const other: PhaseTime = {
        ...{ phase: "other", calls: steps, perStep: (wall - known) / steps, share: (wall - known) / wall },
      };
      return { steps, perStep: wall / steps, phases: [...lines, other] };
    },
    trace() {
      const name = (tid: number, text: string): object => ({
        ...{ name: "thread_name", ph: "M", pid: rank, tid, args: { name: text } },
      });
      const events = spans.map(({ name, start, end, track }) => ({
        ...{ name, cat: "training", ph: "X", pid: rank, tid: track },
        ts: Math.round(1000 * (start - begun)),
        dur: Math.round(1000 * (end - start)),
      }));
      return JSON.stringify({ traceEvents: [name(1, "steps"), name(2, "beside the steps"), ...events] });
    },
  };
}

/** The table as text, one line for each phase. */
export function showProfile({ steps, perStep, phases }: ProfileSummary): string {
  const rows = phases.map(({ phase, calls, perStep: time, share }) => [
    phase,
    String(calls),
    time.toFixed(2),
    share === undefined ? "beside" : `${(100 * share).toFixed(1)} %`,
  ]);
  const table = alignedLines([["phase", "calls", "ms/step", "share"], ...rows]);
  return [`${steps} steps, ${perStep.toFixed(1)} ms each`, ...table].join("\n");
}

/** Asks for a profile of some steps of a run. */
export interface ProfileRequest {
  readonly steps: number;
  /** Receives the table and the trace when these steps are done, or fewer where the run ends before; the run goes on. */
  readonly onProfile: (summary: ProfileSummary, trace: string) => void;
}

/** Steps that are not measured: libtorch chooses kernels and fills its caches in them. */
export const WARM_UP = 3;

/**
 * Brackets the steps of a run: a profile is on during those that were asked for. `end` gives that of a run which ended before them, and
 * says whether there was one.
 */
export function profileSteps(
  { steps, onProfile }: ProfileRequest,
  options: ProfileOptions,
): { before(): void; after(): void; end(): boolean } {
  let taken = 0;
  let profile: Profile | undefined;
  let given = false;
  const give = (measured: number): void => {
    recordPhases(undefined);
    if (!profile || given || measured < 1) return;
    given = true;
    onProfile(profile.summary(measured), profile.trace());
  };
  return {
    before() {
      if (taken !== WARM_UP) return;
      profile = createProfile(options);
      recordPhases(profile);
    },
    after() {
      if (++taken === WARM_UP + steps) give(steps);
    },
    end() {
      give(taken - WARM_UP);
      return given;
    },
  };
}
