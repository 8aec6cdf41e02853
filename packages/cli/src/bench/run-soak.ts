// `bench soak`: a served world for hours, with players as they are, an engine that is killed now and then, and looks at what grows.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { writeImage } from "@vid2world/formats";
import { textTable } from "@vid2world/formats/text-table";
import { libtorchVersion } from "@vid2world/torch";
import { saveWorld } from "@vid2world/world";
import { type Circumstances, circumstances } from "./circumstances.js";
import { debugWorld } from "./debug-world.js";
import { type Tally, newTally, pause, playOn, talkNonsense } from "./soak/players.js";
import { type SoakSample, look } from "./soak/samples.js";
import { type ServedProcess, startServed } from "./soak/served-process.js";
import { type Growth, growthOf } from "./soak/verdict.js";

/** What is done. */
export interface SoakOptions {
  readonly minutes: number;
  readonly players: number;
  /** Frames per second of each player. */
  readonly fps: number;
  /** Minutes between two kills of the engine. */
  readonly killEvery: number;
  /** Seconds between two looks. */
  readonly lookEvery: number;
  /** Of the engine. */
  readonly threads: number;
  readonly onProgress: (text: string) => void;
  /** Called every few minutes with what there is until then. */
  readonly onPartial: (result: SoakResult) => Promise<void>;
  /** Aborted: it ends before its time, with a verdict. */
  readonly until: AbortSignal;
}

/** What `bench soak` found. */
export interface SoakResult extends Circumstances {
  readonly benchmark: "soak";
  /** Asked for, and done so far. */
  readonly minutesAsked: number;
  readonly minutes: number;
  readonly players: number;
  readonly fps: number;
  readonly engineKills: number;
  readonly tally: Omit<Tally, "frameTimes">;
  /** Processor seconds of server and engine per second of the soak; engines that were killed are not in it. */
  readonly processorShare: number;
  readonly growth: readonly Growth[];
  /** With no session: before the first player came, and after the last one went; absent until then. */
  readonly empty: { readonly before: SoakSample; readonly after?: SoakSample };
  readonly passed: boolean;
  readonly samples: readonly SoakSample[];
}

const PARTIAL_EVERY = 5;
/** Minutes of a run, and of each engine's life, in which caches fill; of shorter runs a quarter. */
const WARM_UP = { run: 15, life: 5 };
const SEED = 11;
const STARTS = 4;

/** Runs it. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { minutes, players, killEvery, lookEvery, threads, onProgress, onPartial, until } = options;
  const folder = await mkdtemp(join(tmpdir(), "vid2world-soak-"));
  let served: ServedProcess | undefined;
  try {
    const world = join(folder, "world");
    const { config, ...weights } = debugWorld();
    await saveWorld(world, config, weights);
    // One place fewer than players and what they try out need: somebody always waits a moment.
    const starts = join(folder, "starts");
    await drawStarts(starts, config.frame);
    served = await startServed({ ...{ world, starts, folder, threads }, sessions: players + 1 });
    const state: State = { options, served, tally: newTally(), samples: [], kills: 0, began: performance.now() };
    const before = await look(served, state.tally, { minutes: 0, life: 0 });
    const home = new AbortController();
    const playing = play(state, home.signal);
    let [kills, partials] = [1, 1];
    const passed = (): number => (performance.now() - state.began) / 60_000;
    while (passed() < minutes && !until.aborted) {
      await pause(lookEvery, until);
      const sample = await look(served, state.tally, { minutes: passed(), life: state.kills });
      state.samples.push(sample);
      onProgress(line(sample, state.tally));
      if (passed() >= kills * killEvery && kills * killEvery < minutes) {
        kills++;
        await kill(state);
      }
      if (passed() >= partials * PARTIAL_EVERY) {
        partials++;
        await onPartial(resultOf(state, { before }, passed()));
      }
    }
    const done = passed();
    home.abort();
    await playing;
    const after = await look(served, state.tally, { minutes: passed(), life: state.kills });
    await served.stop();
    return resultOf(state, { before, after }, done);
  } finally {
    await served?.stop().catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  }
}

/** A few pictures to start from: a bright spot somewhere on a slope of colours. */
async function drawStarts(folder: string, { width, height }: { width: number; height: number }): Promise<void> {
  await mkdir(folder);
  for (let k = 0; k < STARTS; k++) {
    const data_HWC = new Uint8Array(height * width * 3).map((_, i) => {
      const [x, y] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
      return 255 * Math.exp(-((x - 6 * k - 4) ** 2 + (y - 16) ** 2) / 40) + (i % 3) * 2 * x + y;
    });
    await writeImage(join(folder, `${k}.png`), { data_HWC, width, height });
  }
}

interface State {
  readonly options: SoakOptions;
  readonly served: ServedProcess;
  readonly tally: Tally;
  readonly samples: SoakSample[];
  readonly began: number;
  kills: number;
}

/** All players, one of them slow, and one who talks nonsense. Resolves when all are home. */
async function play({ options, served: { address }, tally }: State, until: AbortSignal): Promise<void> {
  const { players, fps } = options;
  const all = Array.from({ length: players }, (_, i) => {
    const one = { ...{ address, tally, fps, until }, random: seeded(SEED + i) };
    return playOn(i === 0 ? { ...one, slow: 2500 / fps } : one);
  });
  await Promise.all([...all, talkNonsense({ address, tally, fps, until, random: seeded(SEED + players) })]);
}

async function kill(state: State): Promise<void> {
  const pid = await state.served.enginePid();
  if (pid === undefined) return;
  process.kill(pid, "SIGKILL");
  state.kills++;
  state.options.onProgress(`killed the engine (${state.kills})`);
}

function resultOf(
  { options, tally: { frameTimes: _, ...tally }, samples, kills, served: _served }: State,
  empty: SoakResult["empty"],
  minutes: number,
): SoakResult {
  const growth = growths(samples, minutes);
  const { after } = empty;
  // With no session left, nothing of any session may be left.
  const clean = !after || (after.sessions === 0 && after.sessionBytes === 0 && after.storedSessions === 0); // prettier-ignore
  const last = samples.at(-1);
  return {
    benchmark: "soak",
    ...circumstances(options.threads, { libtorch: libtorchVersion }),
    ...{ cores: cpus().length, minutesAsked: options.minutes, minutes, players: options.players, fps: options.fps },
    ...{ engineKills: kills, tally, growth, empty, samples },
    processorShare: last ? (last.serverSeconds + last.engineSeconds) / (60 * minutes) : NaN,
    passed: clean && growth.every(({ flat, unit }) => flat || unit === TIMES) && tally.framesLost + tally.framesUnequal + tally.errors.length === 0, // prettier-ignore
  };
}

/** Unit of what is told and not judged: other work of the machine makes it. */
const TIMES = "ms";

/** What is looked at for growth. The log is not: it is kept whole on purpose. */
const QUANTITIES: readonly (readonly [key: keyof SoakSample, what: string, unit: string, scale: number])[] = [
  ["serverBytes", "server, resident", "MiB", 2 ** 20],
  ["serverHeapBytes", "server, JavaScript heap", "MiB", 2 ** 20],
  ["serverFiles", "server, open files", "", 1],
  ["engineBytes", "engine, resident", "MiB", 2 ** 20],
  ["engineHeapBytes", "engine, JavaScript heap", "MiB", 2 ** 20],
  ["engineFiles", "engine, open files", "", 1],
  ["engineTensors", "engine, live tensors", "", 1],
  ["sessionBytes", "sessions in the engine", "MiB", 2 ** 20],
  ["sessions", "sessions", "", 1],
  ["storedBytes", "sessions on disk", "MiB", 2 ** 20],
  ["p50", "frame, 50 %", TIMES, 1],
  ["p99", "frame, 99 %", TIMES, 1],
];

function growths(samples: readonly SoakSample[], minutes: number): Growth[] {
  const skipped = Math.min(WARM_UP.run, minutes / 4);
  const begun = new Map<number, number>();
  for (const { life, minutes: at } of samples) if (!begun.has(life)) begun.set(life, at);
  return QUANTITIES.map(([key, what, unit, scale]) => {
    const ofEngine = /^(engine|session)/.test(key);
    const points = samples
      .filter(
        ({ minutes: at, life }) =>
          at >= skipped && (!ofEngine || at >= (begun.get(life) ?? 0) + Math.min(WARM_UP.life, skipped)),
      ) // prettier-ignore
      .flatMap(({ [key]: value, minutes: at, life }) =>
        value === undefined ? [] : [{ minutes: at, life: ofEngine ? life : 0, value: value / scale }],
      );
    return growthOf(what, unit, points);
  });
}

function line(sample: SoakSample, { errors, framesLost }: Tally): string {
  const { minutes, serverBytes, serverHeapBytes, engineBytes = NaN, engineTensors = NaN, sessions, frames } = sample;
  const { storedSessions, p50 = NaN, p99 = NaN } = sample;
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
  return `${minutes.toFixed(1)} min: ${frames} frames (${p50.toFixed(0)} / ${p99.toFixed(0)} ms), ${sessions} sessions, ${storedSessions} on disk; server ${mib(serverBytes)} MiB, heap ${mib(serverHeapBytes)}; engine ${mib(engineBytes)} MiB, ${engineTensors} tensors; ${framesLost} lost, ${errors.length} errors`;
}

/** Uniform in [0, 1), the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The result for the terminal. */
export function showSoak(result: SoakResult): string {
  const { growth, tally, minutes, engineKills, processorShare, passed, empty } = result;
  const rows = growth.map(({ what, unit, mean, perHour, error, allowed, flat }) => [
    what,
    unit,
    ...[mean, perHour, error, allowed].map((value) => value.toFixed(2)),
    unit === TIMES ? "" : flat ? "flat" : "GROWS",
  ]);
  const counts = (of: Readonly<Record<string, number>>): string =>
    Object.entries(of)
      .map(([what, count]) => `${count} ${what}`)
      .join(", ");
  const { before, after } = empty;
  return `${minutes.toFixed(0)} minutes, ${tally.frames} frames, ${engineKills} kills of the engine, ${(100 * processorShare).toFixed(0)} % of a core
${counts(tally.did)}${Object.keys(tally.refused).length > 0 ? `; refused: ${counts(tally.refused)}` : ""}

${textTable([["after the warm-up", "", "mean", "per hour", "+-", "allowed", ""], ...rows])}

with no session, before and after: ${before.engineTensors ?? NaN} and ${after?.engineTensors ?? NaN} tensors, ${before.serverFiles} and ${after?.serverFiles ?? NaN} open files of the server, ${after?.storedSessions ?? NaN} sessions on disk
frames lost ${tally.framesLost}, frames that differ ${tally.framesUnequal}, errors ${tally.errors.length}${tally.errors
    .slice(0, 10)
    .map((text) => `\n  ${text}`)
    .join("")}
${passed ? "passed" : "NOT passed"}`;
}
